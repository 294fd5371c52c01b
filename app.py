"""The page: ``streamlit run app.py``, or ``simsearch app`` from anywhere."""

from simsearch.ui.main import main

main()

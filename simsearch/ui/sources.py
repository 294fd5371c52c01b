"""Where a picture to search with comes from: dropped, pasted, picked, photographed, or drawn by lot."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from simsearch import Hit, Library, PhotoError
from simsearch.ui import assets
from simsearch.ui.address import Question
from simsearch.ui.dropped import dropped
from simsearch.ui.words import say

_TURN = "drops"  # how many pictures came: the field is a new, empty one each time

# Streamlit's fields speak English only, and that for files takes more room than it needs.
STYLE = """
<style>
  .st-key-drop [data-testid="stFileUploaderDropzone"] {
      flex-direction: column; align-items: center; justify-content: center; gap: 0; min-height: 5.5rem;
      border: 2px dashed rgba(128, 128, 128, .45); border-radius: .75rem; position: relative;
      text-align: center;
  }
  .st-key-drop [data-testid="stFileUploaderDropzone"]:hover, .simsearch-over .st-key-drop section {
      border-color: #c4374a; background: rgba(196, 55, 74, .08);
  }
  .st-key-drop [data-testid="stFileUploaderDropzone"] > * { opacity: 0; position: absolute; }
  .st-key-drop [data-testid="stFileUploaderDropzone"] button { inset: 0; width: 100%; height: 100%; }
  .st-key-drop [data-testid="stFileUploaderDropzone"]:has(button:focus-visible) {
      outline: 3px solid #c4374a;
  }
  .st-key-drop [data-testid="stFileUploaderDropzone"]::before { content: "DROP"; font-weight: 600; }
  .st-key-drop [data-testid="stFileUploaderDropzone"]::after {
      content: "CLICK"; font-size: .8rem; opacity: .75;
  }
  .simsearch-over::after {
      content: ""; position: fixed; inset: 0; z-index: 1000; pointer-events: none;
      box-shadow: inset 0 0 0 .4rem #c4374a;
  }
  @media (max-width: 640px) {
      .st-key-drop [data-testid="stFileUploaderDropzone"] { min-height: 3.25rem; }
      .st-key-drop [data-testid="stFileUploaderDropzone"]::after { display: none; }
  }
  @media (pointer: coarse) {
      .st-key-drop [data-testid="stFileUploaderDropzone"]::before { content: "TAP"; }
      .st-key-drop [data-testid="stFileUploaderDropzone"]::after { display: none; }
  }
  .st-key-drop [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
  .st-key-drop [data-testid="stFileUploaderDropzoneInput"] { visibility: hidden; }
  [data-testid="stCameraInputButton"] { font-size: 0; }
  [data-testid="stCameraInputButton"]::after { content: "TAKE"; font-size: 1rem; }
  [data-testid="stCameraInputWebcamComponent"] > div > p { display: none; }
  [data-testid="stCameraInputWebcamComponent"] > div:has(> p)::after {
      content: "NO CAMERA"; font-size: .875rem; padding: .5rem 1rem; text-align: center;
  }
  .st-key-drop { gap: 0; }
  .st-key-sources { gap: .5rem; }
  .st-key-sources > * { flex: 1 1 7.75rem; }
  .st-key-sources button { padding-left: .5rem; padding-right: .5rem; }
</style>
"""


def show(library: Library, ask: Callable[[Question], None]) -> None:
    """Show the ways to ask; ``ask`` is called with what is asked, before the page is drawn anew."""
    invitation = STYLE.replace("DROP", say("Drop a picture, or paste it"))
    invitation = invitation.replace("TAP", say("Tap to pick a picture"))
    invitation = invitation.replace("TAKE", say("Take a picture"))
    invitation = invitation.replace("NO CAMERA", say("No camera: the browser finds none, or may use none."))
    st.html(invitation.replace("CLICK", say("or click to pick one from a folder")))
    turn = st.session_state.get(_TURN, 0)
    with st.container(key="drop"):
        st.file_uploader(
            say("Drop a picture, in the collection or not"),
            key=f"{_TURN}-{turn}",
            on_change=_take,
            args=(f"{_TURN}-{turn}", ask),
            label_visibility="collapsed",
        )
        _listen()
    with st.container(key="sources", horizontal=True):
        with st.popover(say("Camera"), icon=":material/photo_camera:", width="stretch"):
            st.camera_input(
                say("Take a picture"),
                key=f"camera-{turn}",
                on_change=_take,
                args=(f"camera-{turn}", ask),
                label_visibility="collapsed",
            )
        st.button(
            say("Random photo"),
            icon=":material/casino:",
            on_click=_draw,
            args=(library, ask),
            width="stretch",
            help=say("Start from any photo of the library"),
        )


def name_of(picture: bytes | Hit) -> str:
    """Return what to call a picture: a photo's name, or that it was dropped."""
    return picture.path.name if isinstance(picture, Hit) else say("the dropped picture")


def picture(library: Library, question: Question) -> bytes | Hit:
    """Return what a question asks with.

    Raises
    ------
    PhotoError
        When a picture is no longer kept, or a photo is not in the library.
    """
    if question.photo is not None:
        return library.photo(question.photo)
    found = dropped().picture(question.picture or "")
    if found is None:
        raise PhotoError("the picture", "no longer kept here", "drop it again")
    return found


def _take(key: str, ask: Callable[[Question], None]) -> None:
    if taken := st.session_state.get(key):
        ask(Question(picture=dropped().keep(taken.getvalue())))
        st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


def _draw(library: Library, ask: Callable[[Question], None]) -> None:
    if photo := library.random():
        ask(Question(photo=photo.id))


def _listen() -> None:
    component = st.components.v2.component(
        "simsearch_dropping", html="<i></i>", js=assets.text("dropping.js")
    )
    texts = {"pick": say("Pick a picture from a folder"), "take": say("Take a picture")}
    component(key="dropping", data=texts)

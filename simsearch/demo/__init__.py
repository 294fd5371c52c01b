"""A gallery of drawn pictures, for trying simsearch without photographs of one's own."""

from simsearch.demo.gallery import KINDS, PICTURES_PER_KIND, draw_gallery, draw_picture

__all__ = ["KINDS", "PICTURES_PER_KIND", "draw_gallery", "draw_picture"]

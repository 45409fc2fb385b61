"""Sphinx configuration."""

project = "cccd_core"
author = "the cccd_core maintainers"
copyright = "the cccd_core maintainers, Apache-2.0"  # noqa: A001 (Sphinx's own name)
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest"]
html_theme = "furo"
html_title = "cccd_core"
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
autodoc_typehints = "signature"

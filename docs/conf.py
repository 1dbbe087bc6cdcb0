"""How Sphinx builds these pages: `bash scripts/docs.sh`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import sweeper

project = "sweeper"
version = release = sweeper.__version__
project_copyright = "the authors of sweeper, Apache-2.0"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton",
              "commands_page"]  # fmt: skip
exclude_patterns = ["_build"]

# Markdown
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.xref_missing_relative"]

# Docstrings: Google's style, with single backticks around code, types in the signature alone.
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
add_module_names = False
python_maximum_signature_line_length = 80

# The page: nothing in it is fetched from elsewhere.
html_theme = "furo"
smartquotes = False  # which would make a dash of --debug
html_title = f"sweeper {version}"
html_show_sourcelink = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["sweeper.css"]
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"

"""The console, in Streamlit. It contains no rule: it reads, and decides through runtime/threads.py.

`streamlit run` puts this folder first on the module path, so no file here bears the name of a package.
"""

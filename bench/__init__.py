"""The figures in docs/performance.md, each made by `python3 dev.py bench`."""

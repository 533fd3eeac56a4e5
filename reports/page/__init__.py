"""What a page is made of: a shell, prose with formulas, numbered code, drawings; no script, no request."""

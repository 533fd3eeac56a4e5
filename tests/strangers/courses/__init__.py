"""A dozen files in the styles of courses and from-scratch libraries, checked as they are."""

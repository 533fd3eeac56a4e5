"""What a wrong gradient may be: each hypothesis explains all of it exactly, or says nothing."""

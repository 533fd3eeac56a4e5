"""Everything a person looks at: the command line, the main job, tables and figures."""

"""Whatever people have, made into a layer: one small room for each shape of code."""

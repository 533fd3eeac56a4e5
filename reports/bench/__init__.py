"""What the project promises, measured on this machine: `gradcheck bench [SECTION…]`."""

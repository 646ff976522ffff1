"""Small models of the protocols, explored state by state: every order of steps, every crash, every lost answer."""

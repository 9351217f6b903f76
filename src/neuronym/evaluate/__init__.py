"""How true descriptions are on images that the explainer did not see."""

"""Where in an image a unit fires: occlusion fields, and the passes of occluded images that they need."""

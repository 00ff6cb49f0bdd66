"""Image-edit pairs become video-edit pairs: describe, animate, propagate, assess (the paper's VEG-Edit)."""

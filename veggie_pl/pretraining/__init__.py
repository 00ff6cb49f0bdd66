"""Stage 0: a nano MLLM from nothing, standing in for pretrained weights. Not part of VEGGIE: it has a language loss."""

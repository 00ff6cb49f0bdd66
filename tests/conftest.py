"""Settings of every test process."""

import os

import torch

os.environ["HF_HUB_OFFLINE"] = "1"  # nothing may be fetched
torch.set_num_threads(1)  # results do not depend on the machine's cores, and parallel test processes do not fight

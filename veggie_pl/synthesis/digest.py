"""Names of steps that need no model: class and parameters say all."""

import hashlib
import json


def digest_of_step(owner: object, version: int, **settings: object) -> str:
    """Name a step by its class, its version and its settings; 32 letters.

    Args:
        owner: The step.
        version: Counted on by whoever changes what the step gives for the same settings.
        settings: Plain JSON: all that its outputs depend on.
    """
    text = json.dumps([type(owner).__qualname__, version, settings], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

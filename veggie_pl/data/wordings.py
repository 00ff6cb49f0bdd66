"""How instructions are worded: templates per skill, after the authors' examples; some are kept for the test split."""

from veggie_pl.batch import Skill
from veggie_pl.chance import numpy_rng

# Slots: {phrase} the thing, {new} what comes instead, {place} where, {fill} a colour, {scene} a background, {style} a
# style, {question} a question without its mark.
WORDINGS: dict[Skill, tuple[str, ...]] = {
    Skill.ADDITION: (
        "Please add a {phrase} {place} in the given video frames.",
        "Add a {phrase} {place}.",
        "Put a {phrase} {place}.",
        "Could you add a {phrase} {place}?",
        "Insert a {phrase} {place} of the video.",
        "Please place a {phrase} {place}.",
    ),
    Skill.REMOVAL: (
        "Please remove the {phrase} in given video frames.",
        "Remove the {phrase}.",
        "Delete the {phrase} from the video.",
        "Could you remove the {phrase}?",
        "Erase the {phrase}.",
        "Take the {phrase} out of the video frames.",
    ),
    Skill.CHANGING: (
        "Replace the {phrase} with a {new}.",
        "Please replace the {phrase} with a {new} in the video frames.",
        "Turn the {phrase} into a {new}.",
        "Change the {phrase} to a {new}.",
        "Could you swap the {phrase} for a {new}?",
        "Make the {phrase} a {new}.",
    ),
    Skill.BACKGROUND: (
        "Make it {scene}.",
        "Change the background to {scene}.",
        "Please move the scene to {scene}.",
        "Replace the background with {scene}.",
        "Could you set the video in {scene}?",
        "Let it be {scene} behind the objects.",
    ),
    Skill.VISUAL_FEATURE: (
        "Make the {phrase} {new}.",
        "Please make the {phrase} {new} in the video frames.",
        "Turn the {phrase} {new}.",
        "Change the look of the {phrase} to {new}.",
        "Could you make the {phrase} {new}?",
        "Let the {phrase} be {new}.",
    ),
    Skill.STYLIZATION: (
        "Make it {style} style.",
        "Please turn the video into {style} style.",
        "Apply a {style} style.",
        "Could you give the video a {style} look?",
        "Render the frames in {style} style.",
        "Change the style to {style}.",
    ),
    Skill.GROUNDING: (
        "Could you label the {phrase} in these video frames with {fill} color masks?",
        "Could you locate the {phrase} in these video frames with {fill} color masks?",
        "Please locate the {phrase} across video frames and use {fill} masks to mark them.",
        "Highlight the {phrase} with {fill} masks.",
        "Please mark the {phrase} in {fill}.",
        "Point at the {phrase} with a {fill} mask.",
    ),
    Skill.REASONING: (
        "{question}? Highlight your answer with {fill} masks.",
        "{question}? Mark it in {fill}.",
        "{question}? Please label your answer with {fill} color masks.",
        "{question}? Use {fill} masks to show it.",
        "Look at the video: {question}? Answer with a {fill} mask.",
        "Tell me with {fill} masks: {question}?",
    ),
}
HELD_OUT_WORDINGS: dict[Skill, tuple[str, ...]] = {
    Skill.ADDITION: (
        "I would like a {phrase} {place}, please add it.",
        "Please insert a {phrase} {place} in the frames.",
    ),
    Skill.REMOVAL: ("Please erase the {phrase} from these frames.", "Could you delete the {phrase} in the video?"),
    Skill.CHANGING: ("Please turn the {phrase} into a {new}.", "Swap the {phrase} with a {new} in the given frames."),
    Skill.BACKGROUND: ("Please change the scene to {scene}.", "Set the background of the video to {scene}."),
    Skill.VISUAL_FEATURE: ("Please turn the {phrase} {new}.", "Change the {phrase} so that it is {new}."),
    Skill.STYLIZATION: ("Please make the video {style} style.", "Could you change the frames to a {style} style?"),
    Skill.GROUNDING: (
        "Could you highlight the {phrase} in these video frames with {fill} color masks?",
        "Please label the {phrase} with {fill} masks.",
    ),
    Skill.REASONING: ("{question}? Please mark your answer with {fill} masks.", "{question}? Label it in {fill}."),
}


def word(skill: Skill, slots: dict[str, str], *key: int | str, held_out: bool = False) -> str:
    """An instruction for this skill, its template chosen by the key alone.

    Args:
        skill: Whose templates.
        slots: What fills them; spare slots are ignored, a missing one is a ``KeyError``.
        key: Names the example.
        held_out: Use the templates that training never sees.
    """
    templates = (HELD_OUT_WORDINGS if held_out else WORDINGS)[skill]
    template = templates[int(numpy_rng("wording", *key).integers(len(templates)))]
    if "question" in slots and not template.startswith("{question}"):
        slots = {**slots, "question": slots["question"][0].lower() + slots["question"][1:]}
    return template.format(**slots)

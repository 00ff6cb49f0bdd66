"""Words for looks: the names of styles, and how a thing can look; as alternatives of a regular expression."""

STYLES = (
    r"anime|cartoon|comic|cyberpunk|ghibli|impressionis\w*|pixar|pixel art|pop art|sketch|sepia|watercolou?r|van gogh"
    r"|monet|picasso|ukiyo-e|oil painting|pencil drawing|line art|claymation|origami|black[- ]and[- ]white|monochrome"
)
SURFACES = (
    r"red|orange|yellow|green|blue|purple|violet|pink|brown|black|white|gr[ae]y|golden|gold|silver|beige|cyan|magenta"
    r"|turquoise|maroon|teal|blond|blonde|wooden|metal|metallic|marble|leather|glass|stone|velvet|plastic|furry|fluffy"
    r"|plain|striped|spotted|dotted|patterned|checkered|shiny|rusty|transparent|older|younger|bigger|smaller|taller|wet|dirty"
)

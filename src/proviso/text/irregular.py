"""Irregular forms of English words, which no stemmer brings together: `lost` and `lose`."""

from typing import Final

# A base form, then its other forms. Forms that are commoner as another word (`left`, `found`, `saw`, `rose`,
# `bound`, `lay`) are left out.
_FORMS: Final = """
    arise arose arisen; awake awoke awoken; bear bore borne; beat beaten; become became; begin began
    begun; bend bent; bite bitten; bleed bled; blow blew blown; break broke broken; breed bred; bring
    brought; build built; burn burnt; buy bought; catch caught; choose chose chosen; cling clung; come
    came; creep crept; deal dealt; dig dug; draw drew drawn; dream dreamt; drink drank drunk; drive drove
    driven; eat ate eaten; fall fell fallen; feed fed; feel felt; fight fought; flee fled; fly flew flown;
    forbid forbade forbidden; forget forgot forgotten; forgive forgave forgiven; freeze froze frozen; get
    got gotten; give gave given; go went gone; grow grew grown; hang hung; hear heard; hide hid hidden;
    hold held; keep kept; kneel knelt; know knew known; lead led; lend lent; lie lain; lose lost loss
    losses; make made; mean meant; meet met; mistake mistook mistaken; overcome overcame; pay paid; prove
    proven; rebuild rebuilt; repay repaid; rewrite rewrote rewritten; ride rode ridden; ring rang rung;
    rise risen; run ran; say said; seek sought; sell sold; send sent; shake shook shaken; shine shone;
    shoot shot; show shown; shrink shrank shrunk; sing sang sung; sink sank sunk; sit sat; sleep slept;
    slide slid; speak spoke spoken; speed sped; spend spent; spin spun; stand stood; steal stole stolen;
    stick stuck; strike struck; strive strove striven; swear swore sworn; sweep swept; swim swam swum;
    swing swung; take took taken; teach taught; tear torn; tell told; think thought; throw threw thrown;
    undergo underwent undergone; understand understood; undertake undertook undertaken; wake woke woken;
    wear wore worn; weave wove woven; win won; withdraw withdrew withdrawn; withhold withheld; write wrote
    written; pay payment payments; fly flight flights; child children; foot feet; goose geese; man men;
    mouse mice; person people persons; tooth teeth; woman women; datum data; criterion criteria; index
    indices; medium media
"""


def irregular_english() -> dict[str, str]:
    """Every irregular form → its base form."""
    forms = [entry.split() for entry in _FORMS.split(";")]
    return {form: base for base, *others in forms for form in others}

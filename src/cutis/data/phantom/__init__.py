"""Drawn dermoscopy: a seeded, procedural picture set for tests, the demo and tutorials.

It looks the part so that every stage has something real to chew on. It is never evidence about skin:
nothing in it was measured on a person.

    skin.py       tones and texture of the six Fitzpatrick types, light absorbed by pigment and blood
    lesion.py     what each of seven diagnoses looks like, as layers of pigment, blood, veil and white
    artefacts.py  which pictures show hair, ruler, ink, gel bubbles, dark corners
    cohort.py     patients with lesions, lesions with images, and the files
"""

from cutis.data.phantom.artefacts import ArtefactRates
from cutis.data.phantom.cohort import PhantomSettings, draw_phantom_set

__all__ = ["ArtefactRates", "PhantomSettings", "draw_phantom_set"]

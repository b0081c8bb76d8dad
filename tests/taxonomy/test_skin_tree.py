"""The built-in tree holds the labels of the public data sets, each on its right side."""

import pytest

from cutis.taxonomy import ClassSet, load_taxonomy

SKIN = load_taxonomy()

MALIGNANT_OF = {
    "HAM10000": ({"mel", "bcc", "akiec"}, {"nv", "bkl", "vasc", "df"}),
    "ISIC 2017": ({"melanoma"}, {"seborrheic_keratosis", "nevus"}),
    "ISIC 2018": ({"MEL", "BCC", "AKIEC"}, {"NV", "BKL", "DF", "VASC"}),
    "ISIC 2019": ({"MEL", "BCC", "AK", "SCC"}, {"NV", "BKL", "DF", "VASC"}),
    "PAD-UFES-20": ({"ACK", "BCC", "MEL", "SCC"}, {"NEV", "SEK"}),
    "Derm7pt": (
        {
            "basal cell carcinoma",
            "melanoma",
            "melanoma (in situ)",
            "melanoma (less than 0.76 mm)",
            "melanoma (0.76 to 1.5 mm)",
            "melanoma (more than 1.5 mm)",
            "melanoma metastasis",
        },
        {
            "blue nevus",
            "clark nevus",
            "combined nevus",
            "congenital nevus",
            "dermal nevus",
            "dermatofibroma",
            "lentigo",
            "melanosis",
            "recurrent nevus",
            "reed or spitz nevus",
            "seborrheic keratosis",
            "vascular lesion",
        },
    ),
    "ISIC 2020": (
        {"melanoma"},
        {
            "nevus",
            "seborrheic keratosis",
            "lentigo NOS",
            "lichenoid keratosis",
            "solar lentigo",
            "cafe-au-lait macule",
        },
    ),
}


@pytest.mark.parametrize("data_set", MALIGNANT_OF)
def test_every_label_of_a_data_set_is_on_its_side_of_malignant_and_benign(data_set):
    malignant, benign = MALIGNANT_OF[data_set]
    assert all(SKIN.is_malignant(SKIN.resolve(label)) is True for label in malignant)
    assert all(SKIN.is_malignant(SKIN.resolve(label)) is False for label in benign)


@pytest.mark.parametrize("data_set", sorted(set(MALIGNANT_OF) - {"Derm7pt"}))
def test_the_labels_of_a_data_set_are_disjoint_classes(data_set):
    labels = sorted(set().union(*MALIGNANT_OF[data_set]))
    assert len(ClassSet(SKIN, tuple(labels))) == len(labels)


def test_labels_that_only_say_what_a_lesion_is_not_have_no_side():
    labels = ("UNK", "miscellaneous", "atypical melanocytic proliferation")
    assert [SKIN.is_malignant(SKIN.resolve(label)) for label in labels] == [None, None, None]


def test_the_three_way_level_holds_all_that_has_a_status():
    three = ClassSet.at_level(SKIN, "three-way")
    for node in SKIN.nodes:
        index, status = three.index_of(node), SKIN.status(node)
        assert (index is None) == (status is None)
        if index is not None:
            expected = "malignant" if SKIN.is_malignant(node) else status
            assert three.classes[index] == expected


def test_the_nine_way_level_holds_all_but_groups_collisions_and_the_undecided():
    nine, three = ClassSet.at_level(SKIN, "nine-way"), ClassSet.at_level(SKIN, "three-way")
    outside = {node for node in SKIN.nodes if nine.index_of(node) is None}
    undecided = SKIN.descendants("indeterminate") | {"other-diagnosis"}
    rest = {"malignant-collision", "benign-collision", "other-benign"}
    assert outside == undecided | rest | set(three.classes)


def test_keratinocyte_carcinoma_holds_basal_and_squamous_cell_carcinoma():
    node = SKIN.resolve("keratinocyte carcinoma")
    assert {SKIN.resolve("BCC"), SKIN.resolve("SCC")} <= SKIN.descendants(node)


def test_the_first_two_depths_of_the_archive_are_all_known_and_on_its_side():
    archive = load_taxonomy("isic")
    coarse = [*archive.level("diagnosis_1"), *archive.level("diagnosis_2")]
    for node in coarse:
        ours = SKIN.resolve(archive.nodes[node].name)
        assert archive.is_malignant(node) in (None, SKIN.is_malignant(ours))


def test_isic_2019s_unknown_is_a_diagnosis_outside_all_others():
    node = SKIN.resolve("UNK")
    assert node in SKIN.roots
    assert SKIN.is_malignant(node) is None


@pytest.mark.parametrize(
    ("coarse", "fine"),
    [
        ("bkl", {"solar lentigo", "seborrheic keratosis", "lichen planus like keratosis"}),
        ("akiec", {"actinic keratosis", "Bowen's disease", "AK", "ACK"}),
        ("vasc", {"angioma", "angiokeratoma", "pyogenic granuloma", "hemorrhage"}),
        ("mel", {"lentigo maligna", "Melanoma in situ", "Melanoma Invasive, Nodular"}),
        ("nv", {"Nevus, Spitz", "Blue nevus", "Nevus, Atypical, Dysplastic, or Clark"}),
        ("bcc", {"Basal cell carcinoma, Superficial"}),
    ],
)
def test_a_coarse_label_is_an_inner_node_above_the_fine_ones(coarse, fine):
    below = SKIN.descendants(SKIN.resolve(coarse)) - {SKIN.resolve(coarse)}
    assert {SKIN.resolve(label) for label in fine} <= below


def test_scc_and_akiec_meet_at_a_node_that_holds_both_wherever_the_line_is_drawn():
    scc, akiec = SKIN.resolve("SCC"), SKIN.resolve("akiec")
    assert not SKIN.descendants(scc) & SKIN.descendants(akiec)
    assert SKIN.ancestors(scc)[0] == SKIN.ancestors(akiec)[0] == "malignant-epidermal"


@pytest.mark.parametrize(
    ("label", "node"),
    [
        ("Benign", "benign"),
        ("Malignant", "malignant"),
        ("Indeterminate", "indeterminate"),
        ("Flat melanotic pigmentations - not melanocytic nevus", "flat-pigmentation"),
        ("Malignant melanocytic proliferations (Melanoma)", "malignant-melanocytic"),
        ("Lymphocytic proliferations - T-Cell/NK", "t-cell-lymphoma"),
        ("Solar or actinic keratosis", "actinic-keratosis"),
        ("Squamous cell carcinoma in situ, Bowens disease", "bowen-disease"),
        ("Pigmented benign keratosis", "benign-keratosis"),
        ("Hemangioma, Cherry", "cherry-angioma"),
        ("AIMP", "atypical-intraepithelial-melanocytic-proliferation"),
        ("cafe-au-lait macule", "cafe-au-lait-macule"),
        ("angiofibroma or fibrous papule", "fibrous-papule"),
        ("verruca", "wart"),
        ("other", "other-diagnosis"),
    ],
)
def test_the_archives_diagnoses_are_found_as_it_writes_them(label, node):
    assert SKIN.resolve(label) == node


def test_only_undecided_and_foreign_lesions_have_no_status():
    without = {node for node in SKIN.nodes if SKIN.status(node) is None}
    assert without == SKIN.descendants("indeterminate") | {"other-diagnosis"}


def test_ids_are_lower_case_words_joined_by_hyphens():
    assert all(node == node.lower() and node.replace("-", "").isalpha() for node in SKIN.nodes)

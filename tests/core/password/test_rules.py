"""Each rule for new passwords holds on both sides of its bound, and says what is wrong without the password."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.password.rules import DEFAULT_RULES, MOST_CHARS, PasswordRules, Rule, judge, normal

ADA = ("ada.lovelace", "Ada Lovelace", "ada@example.org")
LONG = "plum violin cabin 7 ajar zephyr"
ANY = replace(DEFAULT_RULES, strength=0)


def broken(password: str, rules: PasswordRules = DEFAULT_RULES, *, has_factor: bool = False) -> list[Rule]:
    return [one.rule for one in judge(password, ADA, rules, has_factor=has_factor)]


@pytest.mark.parametrize(("has_factor", "least"), [(False, 15), (True, 8)])
def test_the_least_length_is_lower_for_people_with_a_second_factor(has_factor: bool, least: int) -> None:
    assert broken(LONG[:least], ANY, has_factor=has_factor) == []
    assert broken(LONG[: least - 1], ANY, has_factor=has_factor) == [Rule.LENGTH]


@pytest.mark.parametrize("least", [8, 64])
def test_the_least_length_is_as_configured(least: int) -> None:
    rules = replace(ANY, length=least)

    assert broken("xy" * (least // 2), rules) == []
    assert broken("xy" * (least // 2 - 1) + "x", rules) == [Rule.LENGTH]


def test_1024_characters_are_taken_and_one_more_is_not() -> None:
    assert broken(LONG.ljust(MOST_CHARS, "x")) == []
    assert broken(LONG.ljust(MOST_CHARS + 1, "x")) == [Rule.LENGTH]
    assert broken("\U0001f41d" * MOST_CHARS, ANY) == []


def test_a_character_is_a_code_point_after_normalisation() -> None:
    """An e and its accent are one; a ligature of three letters is three (U+FB03)."""
    assert broken("e\u0301" * 15, ANY) == []
    assert broken("e\u0301" * 14, ANY) == [Rule.LENGTH]
    assert broken("\ufb03" * 5, ANY) == []
    assert broken("\ufb03" * 4 + "xy", ANY) == [Rule.LENGTH]


@pytest.mark.parametrize(
    "password", ["two\nlines of words", "a\0b and more of it", "\ud800" * 15, "tab\tin the middle of it"]
)
def test_what_no_form_could_send_is_refused(password: str) -> None:
    assert broken(password) == [Rule.LINE]


@pytest.mark.parametrize(
    "password", ["пароль без правил", "石头 河流 山脉 月亮 森林 海洋", "   plum violin ajar   ", LONG]
)
def test_blanks_and_any_script_are_taken(password: str) -> None:
    assert broken(password) == []


@pytest.mark.parametrize("name", [*ADA, "  ADA.Lovelace ", "Ada@Example.org", "\uff21\uff24\uff21.lovelace"])
def test_a_name_of_the_person_is_no_password(name: str) -> None:
    assert broken(name, replace(ANY, length=8)) == [Rule.NAME]
    assert broken(name + "!", replace(ANY, length=8)) == []


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaaaaaaaaa",
        "123456789012345",
        "passwordpassword1",
        "qwertyuiopasdfg",
        "summer2024summer2024",
        "bastionbastion1",
        "AdaLovelaceAda1",
        "ada.lovelace2024",
        "ada@example.org1",
        "password1" + " " * 200,
    ],
)
def test_a_long_password_that_is_guessed_early_is_refused(password: str) -> None:
    assert broken(password) == [Rule.STRENGTH]
    assert broken(password, ANY) == []


def test_the_least_score_is_as_configured_on_both_sides() -> None:
    """zxcvbn gives this one a 3."""
    password = "summerviolin1987"

    assert broken(password, replace(DEFAULT_RULES, strength=3)) == []
    assert broken(password, replace(DEFAULT_RULES, strength=4)) == [Rule.STRENGTH]


@pytest.mark.parametrize("strength", [3, 4])
def test_eight_random_characters_are_enough_beside_a_second_factor(strength: int) -> None:
    rules = replace(DEFAULT_RULES, strength=strength)

    assert broken("q7#Vz!pR", rules, has_factor=True) == []
    assert broken("lovelace", rules, has_factor=True) == [Rule.STRENGTH]
    assert broken("q7#Vz!pR", replace(rules, length=8)) == [Rule.STRENGTH]


def test_words_of_the_operator_are_easy_to_guess() -> None:
    rules = replace(DEFAULT_RULES, words=("Zorblaxium Holding",))

    assert broken("zorblaxiumholding") == []
    assert broken("zorblaxiumholding", rules) == [Rule.STRENGTH]
    assert broken("ZORBLAXIUM123456", rules) == [Rule.STRENGTH]


def test_only_40_characters_are_scored_so_a_weak_beginning_is_never_too_long_to_see() -> None:
    assert broken("a" * 40 + LONG) == [Rule.STRENGTH]
    assert broken("a" * 10 + LONG) == []


@pytest.mark.parametrize("classes", [1, 2, 3, 4])
def test_classes_are_counted_where_they_are_asked_for(classes: int) -> None:
    rules, parts = replace(ANY, classes=classes), ["abcdefghijklmno", "Q", "7", " "]

    assert broken("".join(parts[:classes]), rules) == []
    assert broken("".join(parts[: classes - 1]).ljust(15, "x"), rules) == ([Rule.CLASSES] if classes > 1 else [])


def test_letters_of_scripts_without_case_count_as_others() -> None:
    rules = replace(ANY, classes=2)

    assert broken("石" * 15, rules) == [Rule.CLASSES]
    assert broken("石" * 14 + "a", rules) == []


@given(st.text(max_size=80), st.sampled_from([DEFAULT_RULES, ANY]), st.booleans())
def test_it_is_total_and_no_complaint_repeats_the_password(
    password: str, rules: PasswordRules, has_factor: bool
) -> None:
    said = " ".join(one.words for one in judge(password, ADA, rules, has_factor=has_factor))

    assert len(password) < 8 or password not in said


@given(st.text(st.characters(blacklist_categories=["Cc", "Cs"]), min_size=15, max_size=60))
def test_two_spellings_of_one_password_are_judged_alike(password: str) -> None:
    spelled_out = unicodedata.normalize("NFKD", password)

    assert normal(spelled_out) == normal(password)
    assert broken(spelled_out) == broken(password)

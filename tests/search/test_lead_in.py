"""Requests around a query."""

import pytest

from vidlocal.search.lead_in import strip_lead_in


@pytest.mark.parametrize(
    ("query", "remaining"),
    [
        ("can you show me the part of the video where the cake is cut", "the cake is cut"),
        ("Show me the bride on the stairs", "the bride on the stairs"),
        ("please find me the scene where he falls into the water", "he falls into the water"),
        ("could you show the moment when the dog jumps", "the dog jumps"),
        ("find the part where they sing", "they sing"),
        ("the scene in which grandmother dances", "grandmother dances"),
        ("when does grandmother dance?", "grandmother dance"),
        ("I'm looking for a red car", "a red car"),
        ("Zeig mir die Stelle im Video, wo die Torte angeschnitten wird", "die Torte angeschnitten wird"),
        ("wann wird die Torte angeschnitten?", "die Torte angeschnitten"),
        ("Montre-moi le moment où ils dansent ensemble", "ils dansent ensemble"),
        ("muéstrame la parte del vídeo donde cortan el pastel", "cortan el pastel"),
        ("¿cuándo se corta el pastel?", "corta el pastel"),
        ("mostrami la scena in cui ballano insieme", "ballano insieme"),
        ("mostre-me a cena em que eles dançam", "eles dançam"),
        ("laat me het moment zien", "het moment zien"),
    ],
)
def test_requests_are_taken_off(query: str, remaining: str) -> None:
    assert strip_lead_in(query) == remaining


@pytest.mark.parametrize(
    "query",
    [
        "bride walks down aisle",
        "play the guitar",
        "watch the sunset",
        "show jumping in the rain",
        "find love",
        "see the sea",
        "cerca de la casa",
        "suche",
        "when does",
        "show me cats",
        "the moment of truth",
    ],
)
def test_other_queries_stay(query: str) -> None:
    assert strip_lead_in(query) == query

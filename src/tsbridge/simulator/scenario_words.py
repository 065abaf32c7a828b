"""What people write and say on a weekend: the texts of each theme, the harmless ones, and the names.

Invented throughout. Themes are those of the starter rulebook for an incident desk of a pet-sitting and home-sharing
marketplace; `tags` are what that rulebook asks for on a ticket of the theme, whoever answers and whenever.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """`tags`: always asked for. `unanswered`: asked for besides when nobody acts in time. `severe`: severity 1 or 2."""

    name: str
    tags: tuple[str, ...]
    mails: tuple[tuple[str, str], ...]
    voicemail: str
    disposition: str = ""
    unanswered: tuple[str, ...] = ()
    severe: bool = False


THEMES: tuple[Theme, ...] = (
    Theme(
        "injury",
        (
            "ts_injury",
            "ts_sev1",
        ),
        (
            (
                "Sitter's dog bit mine",
                "My dog was bitten by the sitter's dog this afternoon and needs stitches.",
            ),
            ("At the hospital", "I was bitten on the hand while picking up my cat and I am at the hospital now."),
            ("Emergency vet", "Poppy ate something at the sitter's place, she is at the emergency vet with a drip."),
        ),
        "Hello, my dog was bitten at the sitter's and she is bleeding, please call me back.",
        "injury",
        (
            "ts_escalated_l2",
            "ts_escalated_manager",
        ),
        True,
    ),
    Theme(
        "lost",
        (
            "ts_lost_animal",
            "ts_sev2",
        ),
        (
            ("Our dog ran away", "The sitter called: our dog ran away from the garden an hour ago and nobody can find him."),
            ("Cat is missing", "The cat escaped through the kitchen window and is a lost cat since noon. Please help us search."),
        ),
        "Hi, it is about my booking. The dog ran away on the walk and is still missing.",
        "lost animal",
        ("ts_escalated_l2",),
        True,
    ),
    Theme(
        "death",
        (
            "ts_death",
            "ts_sev1",
        ),
        (
            ("Our hamster died", "The sitter wrote that our hamster died during the stay. We are heartbroken."),
            ("He passed away", "Our old dog passed away last night at the sitter's home. What happens now?"),
        ),
        "I am calling because our dog passed away during the stay.",
        "death",
        (
            "ts_escalated_l2",
            "ts_escalated_manager",
        ),
        True,
    ),
    Theme(
        "threat",
        (
            "ts_threat",
            "ts_sev1",
        ),
        (
            ("I do not feel safe", "The host threatened me in the hallway and said he will hurt me if I do not leave."),
            ("Harassment by a guest", "The guest keeps sending messages, this is harassment, and he threatened my family."),
        ),
        "The guest threatened me at the door, please call me back.",
        "threat",
        (
            "ts_escalated_l2",
            "ts_escalated_manager",
        ),
        True,
    ),
    Theme(
        "damage",
        ("ts_damage",),
        (
            (
                "Water damage after the stay",
                "The kitchen was flooded and the floor is ruined, there is water damage everywhere.",
            ),
            ("Sofa destroyed", "The guest's dog destroyed the sofa, the property damage is about 900 dollars."),
        ),
        "Hello, the flat has water damage after the guests left.",
        "property damage",
        (),
        False,
    ),
    Theme(
        "claim",
        ("ts_claim",),
        (
            ("Guarantee claim", "I would like to file a guarantee claim for the vet bill of the last booking."),
            ("Claim under the guarantee", "How long does the guarantee claim take? Please reimburse the bill that I attached."),
        ),
        "I want to ask about my guarantee claim from last week.",
        "guarantee claim",
        (),
        False,
    ),
    Theme(
        "offplatform",
        ("ts_account",),
        (
            ("Sitter wants money elsewhere", "The sitter asked me to pay outside the platform by bank transfer. Is that allowed?"),
            ("Was my account taken over?", "Somebody has hacked my account and offers guests to pay off platform."),
        ),
        "The sitter asks me to pay outside the platform.",
        "account was hacked",
        (),
        False,
    ),
    Theme(
        "press",
        (
            "ts_press_legal",
            "ts_sev2",
        ),
        (
            ("Request for comment", "I am a journalist writing about pet sitting and would like a comment by tonight."),
            ("Letter from our lawyer", "Our lawyer will file a lawsuit unless we hear from you."),
        ),
        "My lawyer asked me to call you about the booking.",
        "lawyer called",
        ("ts_escalated_l2",),
        True,
    ),
)

HARMLESS: tuple[tuple[str, str], ...] = (
    ("How do I change my password?", "I would like to change my password but cannot find the page for it. Thank you!"),
    ("Change of address", "We moved house. Where do I change the address on my profile?"),
    ("Question about an invoice", "Could you send me the invoice of my June booking once more?"),
    ("Photo upload", "The app does not let me upload a new profile photo. I use the newest version."),
    ("Thank you", "The sitter was wonderful, we will book again. Just wanted to say thanks!"),
    ("Calendar", "Can I block single days in my calendar as a sitter?"),
    ("Newsletter", "Please take me off the newsletter list."),
    ("How do reviews work?", "When will my review be visible to others?"),
    ("Two bookings at once", "Can I have two bookings in the same week with different sitters?"),
    ("Language", "How do I switch the app to Spanish?"),
    ("Booking reminder", "I did not get a reminder for the booking tomorrow. Is it still on?"),
    ("Voucher", "Where do I enter the code of a voucher?"),
    ("Longer stay", "Is it possible to extend my booking by two days?"),
    ("Meeting the sitter first", "Is it usual to meet the sitter before the booking starts?"),
)

BURST: tuple[str, str] = ("Cannot log in", "The app says that something went wrong when I log in. Is there a problem on your side?")
"""Many people at once: the app is down."""

REPEAT: tuple[tuple[str, str], ...] = (
    ("Noise next door", "The guests next door are loud again."),
    ("Noise again", "It is loud again, same house as before."),
    ("Still loud", "Third time today: still loud next door."),
    ("Loud, once more", "I write once more about the house next door."),
    ("And again", "Nobody answered my earlier mails about the house next door."),
)

FOLLOW_UPS: tuple[str, ...] = (
    "Any news?",
    "Just adding that I can be reached all evening.",
    "Here is the booking number: B-20417.",
    "Thank you for looking into it.",
)
AFTER_CALL = ("As agreed on the phone", "Here is the booking number you asked for: B-20417.")
AFTER_CHAT = ("My chat of today", "Following up on the chat, as nobody was there any more.")
REPLIES: tuple[str, ...] = (
    "Thank you for writing, we are looking into it.",
    "We have your message and will come back to you today.",
    "Could you send us the booking number, please?",
)
MACRO = (
    "Thank you. For the record we ask everybody: was anybody bitten or hurt, did an animal run away, was there an emergency vet, a threat, "
    "a lawyer or a journalist? If not, we close this here."
)
"""An agent's ready answer that names what rules look for in the words of those who report."""
DISPOSITIONS: tuple[str, ...] = ("General question", "Booking change", "Callback agreed", "Wrong number")
VOICEMAILS: tuple[str, ...] = (
    "Hi, please ring me back about my booking next month.",
    "Hello, I have a question about the app, nothing urgent.",
)
FIRST = (
    "Ana", "Ben", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Luis", "Mara", "Nils", "Olga",
    "Pablo", "Quinn", "Rosa", "Samir", "Tessa", "Umar", "Vera", "Wim", "Xenia", "Yusuf", "Zoe", "Alma", "Boris", "Chloe", "Diego",
    "Esra", "Finn", "Gina", "Hana", "Ivo", "Jana", "Karim", "Lena", "Milo", "Nora", "Otto", "Paula", "Rafa", "Sina", "Tomas",
    "Ulla", "Vito", "Wanda", "Yara", "Zeno",
)  # fmt: skip
LAST = (
    "Abel", "Brandt", "Castillo", "Duarte", "Engel", "Ferrer", "Gruber", "Haas", "Ivanov", "Jansen", "Keller", "Lindt", "Moreau",
    "Novak", "Olsen", "Pike", "Quist", "Romero", "Seidel", "Toth", "Unger", "Vargas", "Weber", "Yilmaz", "Zander", "Amari", "Bosch",
    "Costa", "Dietz", "Eklund", "Falk", "Giger", "Horvat", "Iversen", "Jung", "Kranz", "Lopez", "Meyer", "Nunez", "Orlov",
)  # fmt: skip
AREAS = (
    "212", "213", "305", "312", "415", "503", "512", "617", "702", "720", "808", "917",
)  # fmt: skip
"""Area codes; with 555-0100 to 555-0199 they give numbers that belong to nobody."""

AGENTS: tuple[tuple[str, str], ...] = (
    ("Owen Pike", "owen.pike@desk.example.com"),
    ("Mara Lund", "mara.lund@desk.example.com"),
    ("Jo Adeyemi", "jo.adeyemi@desk.example.com"),
    ("Rui Tanaka", "rui.tanaka@desk.example.com"),
    ("Sena Kaya", "sena.kaya@desk.example.com"),
    ("Pat Quinlan", "pat.quinlan@desk.example.com"),
    ("Leo Marsh", "leo.marsh@desk.example.com"),
    ("Ida Holm", "ida.holm@desk.example.com"),
)
LINE = "+12025550142"
"""The desk's own number."""

VOICEMAIL_TAGS = ("ts_call_back",)
UNANSWERED_SEVERE = ("ts_call_back", "ts_missed_call_severe")
"""A missed call, or a voicemail, of somebody with an open severe case."""
REPEAT_TAGS = ("ts_repeat_reporter",)
NIGHT_SEVERE, NIGHT = "ts_out_of_hours", "ts_morning"
"""Came in while the office is closed: a severe case, any other."""
NIGHT_ZONE, NIGHT_HOURS = "America/Los_Angeles", frozenset({22, 23, 0, 1, 2, 3, 4, 5})
"""Hours at which that office is closed on every day of the year."""
SEVERE_TAGS: tuple[str, ...] = tuple(sorted({tag for theme in THEMES for tag in (*theme.tags, *theme.unanswered)} | {NIGHT_SEVERE}))
OTHER_GROUP = "Intake"
"""Where an agent moves a ticket that the rulebook put elsewhere."""

"""The texts over which an export is compared with torch: ordinary ones and the nasty ones.

They are fixed, so that the figures of two exports can be compared, and they cover what breaks
encoders: nothing at all, one character, what is cut, scripts the vocabulary hardly knows, emoji,
control characters, one token hundreds of times, the same text twice.

They only judge. Constants of a recipe, and what an export tries out (how many products of an int8
model stay float32), look at `tuning_texts.TUNING`, which has the same kinds and shares nothing but
the empty text: the best of several attempts looks better on the texts that picked it than
elsewhere. So these were written before any model had seen them. Whoever edits them because of a
figure turns them into tuning texts, and has to write others.
"""

from __future__ import annotations

from itertools import cycle, islice
from math import gcd

_STORY = (
    "After her boat is wrecked on an island that no chart shows, a young surveyor discovers a "
    "lighthouse whose keeper has been waiting ninety years for the wrong ship. "
)
_REPORT = (
    "Health officials in three provinces began handing out free mosquito nets on Monday, two weeks "
    "after the heaviest monsoon rains in a decade. Hospitals reported fewer fever cases than in "
    "June, but warned that stocks of medicine would last only until the end of the month. "
)
_GUIDE = (
    "Sand the old varnish along the grain, wipe off the dust with a damp cloth, and let the table "
    "dry overnight. Apply two thin coats of oil rather than one thick coat. "
)

ORDINARY: tuple[str, ...] = (
    "The Matrix (1999)",
    "Pulp Fiction (1994). Crime, Drama",
    "Spirited Away (2001). Animation, Family, Fantasy",
    "Lawrence of Arabia (1962). Adventure, Biography, War",
    "The Grand Budapest Hotel",
    "Breaking Bad, season 2, episode 6: Peekaboo",
    "Planet of snow: the hidden life of wolves and reindeer",
    "Pride and Prejudice by Jane Austen, illustrated hardcover edition",
    "One Hundred Years of Solitude. Magical realism, family saga",
    "Miles Davis: Kind of Blue (remastered)",
    "Bach: Goldberg Variations, played on the harpsichord",
    "The History of Rome, podcast, part 41",
    "waterproof hiking backpack 35 litres with rain cover",
    "wireless mechanical keyboard, brown switches, backlit",
    "cotton bed linen 200 x 220 cm, navy blue stripes",
    "cordless drill 18V with two batteries and charger",
    "vitamin D3 drops, vegan, 50 ml",
    "LED desk lamp, dimmable, touch control",
    "dog food for sensitive stomachs, salmon and rice, 12 kg",
    "wooden train set, 80 pieces, from 3 years",
    "espresso machine with milk frother, 15 bar",
    "women's merino sweater, round neck, dark green, M",
    "replacement screen for a 6.1 inch phone, tools included",
    "garden hose 25 m with spray gun",
    "Oil prices climb after producers agree to cut output",
    "Airline strike leaves thousands of holidaymakers stranded",
    "Teenager from Nairobi wins world chess youth title",
    "Court overturns ban on night-time street markets",
    "Chip maker to build a second factory despite slowing demand",
    "Earthquake of magnitude 6.4 shakes the southern islands; no tsunami warning",
    "New vaccine against malaria cuts severe cases by a third, trial shows",
    "Museum returns stolen bronze statues after a century",
    "How to change a bicycle tyre in ten minutes",
    "Slow cooker beef stew with carrots and red wine",
    "Should you rent or buy? Five questions before you sign",
    "Getting started with container networking",
    "Why do cats purr? What researchers know so far",
    "Statistics for biologists: confidence intervals without tears",
    "A weekend in Kyoto: temples, noodles and quiet gardens",
    "Stretching exercises for people who sit all day",
    "Absolutely gorgeous photography, but I fell asleep halfway through.",
    "Do NOT buy this. It broke on the first day and the refund took two months.",
    "Five stars! My grandmother figured it out without the manual :)",
    "The hotel was clean and the staff friendly, though breakfast was nothing special.",
    "Sound quality is decent, the microphone is useless.",
    "I laughed, I cried, and then I called my brother.",
    "Smells odd at first; after two washes it was fine.",
    "Overhyped. The book was so much better than the series.",
    "used piano for beginners under 500 euros",
    "what to watch with kids on a rainy afternoon",
    "vegetarian restaurants near the old town",
    "electric car charging stations motorway",
    "symptoms of iron deficiency",
    "thriller about a submarine crew that stops trusting its captain",
    _STORY,
    _REPORT,
    _GUIDE,
    _GUIDE + _STORY,
    _REPORT * 2,
)

NASTY: tuple[str, ...] = (
    "",
    "q",
    "4",
    "?",
    "ñ",
    "水",
    "🚲",
    (_REPORT * 20)[:4000],
    ((_STORY + _GUIDE) * 15)[:4000],
    "z" * 4000,
    "music " * 400,
    "very " * 60,
    "31415926" * 20,
    "?.," * 50,
    "-" * 80,
    "http://shop.example.com/catalogue/item.php?id=99812&ref=mail&lang=en#reviews",
    "see www.example.net/~anna/notes_(draft).html -- or mail anna+list@example.net",
    '[{"sku": "KX-204", "price": 19.95, "stock": {"north": 3, "south": 0}, "sale": true}]',
    "def area(radius: float) -> float:\n    return 3.14159 * radius ** 2  # square metres",
    "SELECT name, COUNT(*) FROM orders WHERE total > 100 GROUP BY name HAVING COUNT(*) >= 2;",
    "<div class='card'><h2>Offer &amp; more</h2><p>only &euro;5</p></div>",
    "THE MATRIX (1999)",
    "tHe mAtRiX",
    "(((what)))...?!?! ---> *maybe* ~~no~~ __yes__ [sic] {n/a} 50% @home #1 $$$",
    "Die Straßenbahn fährt über die Brücke nach Köln, wo es Äpfel und Öl gibt",
    "El niño soñó con una cigüeña en el jardín de su abuela",
    "Zażółć gęślą jaźń; příliš žluťoučký kůň úpěl ďábelské ódy",
    "東京物語 (1953) 小津安二郎 family ドラマ",
    "Мастер и Маргарита, роман, читает автор",
    "كتاب الطبخ العربي for beginners",
    "오징어 게임 season 2 리뷰",
    "Η Αθήνα, ירושלים, दिल्ली, กรุงเทพ, თბილისი and Երևան on one map",
    "நல்ல திரைப்படம் మంచి సినిమా ভালো ছবি",
    "𝒽𝒶𝓃𝒹𝓌𝓇𝒾𝓉𝓉𝑒𝓃 𝔹𝕆𝕃𝔻 and ＷＩＤＥ ①②③ ½ ™",
    "🏔️🥾 what a hike 🤩🤩🤩 👩🏽‍🚀👍🏿 🇯🇵🇧🇷 100%",
    "🔥" * 70,
    "stop\x00here\x08\x0b\x0c\x7f \x1b[1mbold\x1b[0m zero\u200cwidth\u2060join\ufffd",
    "\r\n\r\n  first line\t\tsecond\u00a0column \u2003 wide\n\n\nend  ",
    "o\u0308\u0323\u0331u\u0302 marks s\u0336t\u0336r\u0336u\u0336c\u0336k\u0336",
    "\u202bfrom right to left\u202c \u2066isolated\u2069",
    "ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha",
)

REPEATS: tuple[str, ...] = ("The Matrix (1999)", "", _STORY)  # each stands above already

TEXTS: tuple[str, ...] = ORDINARY + NASTY + REPEATS


def batches(count: int = len(TEXTS)) -> list[list[int]]:
    """Indices below `count` in batches of 1, 16, 2, 33, 8, … until each was in one, and at last
    one of 64: short and long texts side by side, so that most rows are padded.

    Neighbours in the list are alike; a stride that has no factor in common with it mixes them.
    """
    stride = next(step for step in (37, 41, 43) if gcd(step, count) == 1)
    order = [(position * stride) % count for position in range(count)]
    sizes, cuts = cycle((1, 16, 2, 33, 8)), []
    left = order
    while left:
        size = next(sizes)
        cuts.append(left[:size])
        left = left[size:]
    return [*cuts, list(islice(cycle(order), 64))]

"""The texts by which the int8 recipe was found, and by which an export chooses within it.

Whatever is tuned may look at these as often as it likes: the bound is checked on `texts.TEXTS`.
"""

from __future__ import annotations

_PLOT = (
    "A retired clockmaker finds that every watch he ever repaired has started to run backwards, "
    "and that the people who wear them are slowly getting younger. "
)
_NEWS = (
    "The city council voted on Tuesday to reopen the old harbour line, which carried its last "
    "passengers in 1987. Work on the rusted bridge begins in spring, the mayor said; tickets will "
    "cost no more than a bus ride. "
)

_ORDINARY: tuple[str, ...] = (
    "Toy Story (1995)",
    "Star Wars (1977). Action, Adventure, Romance, Sci-Fi, War",
    "Four Weddings and a Funeral (1994). Comedy, Romance",
    "The Silence of the Lambs (1991). Drama, Thriller",
    "Casablanca (1942). Drama, Romance, War",
    "A documentary about penguins on the Antarctic coast",
    "The Good, the Bad and the Ugly. Western, in which three gunmen look for buried gold",
    "Ghost ships and sea monsters: old horror from the northern coast",
    "noise cancelling headphones, black, 30 hours of battery",
    "stainless steel kitchen knife set with wooden block",
    "children's rain jacket, size 116, yellow",
    "USB-C cable 2 m braided",
    "running shoes for wide feet, men, 44",
    "ergonomic office chair with lumbar support",
    "organic green tea, loose leaf, 250 g",
    "Central bank leaves interest rates unchanged as inflation slows",
    "Local team wins the cup final after extra time and penalties",
    "Scientists find water ice in a shadowed crater near the lunar pole",
    "Parliament passes a budget after a night of negotiations",
    "Storm warning for the coast: gusts of up to 120 km/h expected",
    "How to repot an orchid without hurting its roots",
    "Ten easy dinners with chickpeas and spinach",
    "A beginner's guide to bread: flour, water, salt and patience",
    "What the new tax rules mean for freelancers",
    "Learn Python in thirty days, with exercises",
    "An introduction to quantum computing for engineers",
    "Understanding the offside rule in five minutes",
    "The best hiking trails in the Dolomites for families",
    "I did not like this film at all: slow, loud, and two hours too long.",
    "Best thing I've seen in years!!! Would watch again & again & again...",
    "The battery died after a week and nobody answered my mails.",
    "Arrived a day early, well packed, exactly as described.",
    "It is fine for the price, but the zip feels cheap.",
    "My daughter loves it and wears it every day.",
    "Great acting, terrible script; the ending made no sense.",
    "Not what I expected, in a good way.",
    "cheap flights to Lisbon in March",
    "jazz piano trio, live recording from 1961",
    "heavy metal playlist for the gym",
    "string quartet in C minor",
    "second-hand bicycle, 28 inch, needs new brakes",
    "two-room flat near the station, balcony, no pets",
    "vintage camera lens 50 mm f/1.4",
    "board game for four players about trading spices",
    "chess openings for club players",
    "crime novel set in Glasgow in the 1970s",
    "poems about the sea and about leaving home",
    "biography of a mathematician who never published",
    "science fiction: a generation ship loses its archive",
    "fantasy saga, volume 3: the dragon's heir",
    _PLOT,
    _NEWS,
    _PLOT + _NEWS,
    _NEWS * 3,
)

_NASTY: tuple[str, ...] = (
    "",
    "a",
    "7",
    ".",
    "é",
    "中",
    "🎬",
    (_PLOT * 30)[:4000],
    ((_NEWS + _PLOT) * 20)[:4000],
    "x" * 4000,
    "word " * 300,
    "no " * 40,
    "0123456789" * 12,
    "!?" * 60,
    "https://example.org/a?b=c&d=%20e#f 'quoted' \"double\" <b>tag</b> C++ $9.99",
    '{"id": 17, "tags": ["a", "b"], "null": null}',
    "TOY STORY (1995)",
    "toy story (1995)",
    "Les Misérables – naïve café, Ångström, ﬁancé, İstanbul",
    "七人の侍 (1954) drama アクション",
    "Война и мир, 1967. Драма",
    "فيلم عن الحب والحرب mixed with English",
    "기생충 parasite 寄生上流",
    "Ελληνικά, עברית, हिन्दी, ไทย, አማርኛ in one line",
    "𝕱𝖆𝖓𝖈𝖞 𝓵𝓮𝓽𝓽𝓮𝓻𝓼 and ａｂｃ",
    "🎬🍿 loved it 😍😍 👨‍👩‍👧‍👦 10/10 🇫🇷",
    "😀" * 50,
    "null\x00byte\x07bell\x1b[31mred\u200bzero\u00adsoft\ufeff",
    "tabs\tand\nnewlines\r\nand   many    spaces",
    "a\u0301\u0302\u0303\u0304\u0305 combining Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "\u202eright to left override\u202c",
    "again again again again again again again again again again again again",
)

_REPEATS: tuple[str, ...] = ("Toy Story (1995)", "", _PLOT)  # each stands above already

TUNING: tuple[str, ...] = _ORDINARY + _NASTY + _REPEATS

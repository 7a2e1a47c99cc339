"""What the world's items are about: a theme a category, far enough apart for a real encoder.

Every theme names things that can be had, and what is done with them; titles, texts and reviews
are put together from these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """A category's name and its words, in lower case; all of them plain English."""

    name: str
    things: tuple[str, ...]
    doings: tuple[str, ...]


def _theme(name: str, things: str, doings: str) -> Theme:
    return Theme(name, tuple(things.split(", ")), tuple(doings.split(", ")))


THEMES = (
    _theme(
        "astronomy",
        "telescope, star atlas, nebula photograph, moon map, comet diary, eclipse guide, "
        "planetarium show, galaxy catalogue, meteor calendar, observatory tour",
        "watching Saturn's rings, finding constellations, photographing the Milky Way, "
        "timing an eclipse, following a comet, measuring starlight",
    ),
    _theme(
        "baking",
        "sourdough starter, rye bread, butter croissant, almond cake, apple pie, cinnamon roll, "
        "pastry cutter, bread tin, lemon tart, brioche recipe",
        "kneading dough, proofing a loaf, glazing pastry, baking with wholemeal flour, "
        "folding butter into dough, scoring a crust",
    ),
    _theme(
        "cycling",
        "road bike, gravel wheel, bicycle chain, saddle bag, cycling jersey, bike computer, "
        "mountain pass route, puncture kit, derailleur, time trial helmet",
        "climbing an Alpine pass, shifting gears, riding in the peloton, fixing a flat tyre, "
        "touring with panniers, sprinting to the line",
    ),
    _theme(
        "gardening",
        "tomato seedling, rose bush, compost heap, garden fork, raised bed, watering can, "
        "herb border, tulip bulb, greenhouse shelf, pruning shears",
        "sowing in spring, pruning roses, mulching the beds, watering seedlings, "
        "keeping slugs away, planting bulbs",
    ),
    _theme(
        "jazz",
        "saxophone solo, trumpet record, bebop quartet, swing orchestra, piano trio, "
        "double bass line, live album, blues ballad, drum brush set, vocal standard",
        "improvising over changes, swinging a ballad, trading solos, playing walking bass, "
        "scatting a chorus, recording in one take",
    ),
    _theme(
        "football",
        "penalty kick, championship final, goalkeeper glove, league table, football boot, "
        "stadium season ticket, free kick, derby match, transfer story, striker biography",
        "scoring in extra time, defending a corner, pressing high up the pitch, saving a penalty, "
        "dribbling past defenders, lifting the cup",
    ),
    _theme(
        "personal finance",
        "index fund, savings plan, household budget, pension account, mortgage calculator, "
        "tax return, dividend stock, bond ladder, credit card, emergency fund",
        "saving for retirement, paying off debt, rebalancing a portfolio, lowering fees, "
        "filing taxes, comparing interest rates",
    ),
    _theme(
        "sailing",
        "sailing yacht, spinnaker, nautical chart, harbour guide, anchor chain, life jacket, "
        "regatta, mooring rope, wooden dinghy, tide table",
        "tacking upwind, reefing the mainsail, crossing the Atlantic, mooring in a harbour, "
        "reading the tide, racing around the buoys",
    ),
    _theme(
        "programming",
        "Python library, compiler, unit test, database index, code editor, open source project, "
        "type checker, web framework, debugging session, sorting algorithm",
        "refactoring legacy code, debugging a memory leak, writing unit tests, deploying a server, "
        "reviewing a pull request, profiling a slow function",
    ),
    _theme(
        "dogs",
        "puppy class, sheepdog, dog lead, terrier, rescue dog, dog biscuit, retriever, "
        "agility course, kennel, chew toy",
        "training a puppy, walking in the park, fetching sticks, brushing a long coat, "
        "teaching a recall, adopting from a shelter",
    ),
    _theme(
        "crime fiction",
        "detective novel, murder mystery, courtroom thriller, cold case, private eye story, "
        "locked room puzzle, police procedural, noir classic, spy thriller, forensic drama",
        "solving a murder, interrogating the suspect, following a false lead, hiding the body, "
        "unmasking the killer, searching for fingerprints",
    ),
    _theme(
        "coffee",
        "espresso machine, filter coffee, coffee grinder, arabica bean, milk frother, "
        "latte art, moka pot, cold brew, coffee roaster, barista course",
        "roasting green beans, pulling an espresso, steaming milk, grinding fresh beans, "
        "tasting a light roast, pouring latte art",
    ),
    _theme(
        "yoga",
        "yoga mat, breathing exercise, sun salutation, meditation cushion, stretching routine, "
        "warrior pose, yoga retreat, balance block, headstand, relaxation session",
        "breathing deeply, stretching tight hamstrings, holding a pose, meditating at dawn, "
        "balancing on one leg, calming the mind",
    ),
    _theme(
        "ancient history",
        "Roman emperor, Greek temple, Egyptian pyramid, legion, clay tablet, excavation, "
        "Bronze Age hoard, aqueduct, pharaoh, amphora",
        "excavating a tomb, besieging a city, reading hieroglyphs, building a Roman road, "
        "ruling an empire, dating pottery",
    ),
    _theme(
        "photography",
        "camera lens, darkroom, portrait session, tripod, black and white print, flash unit, "
        "film roll, wide angle shot, photo album, exposure meter",
        "focusing by hand, developing film, framing a portrait, choosing an aperture, "
        "retouching a print, shooting in low light",
    ),
    _theme(
        "chess",
        "chess opening, endgame study, grandmaster game, chess clock, Sicilian defence, "
        "queen sacrifice, chess puzzle, pawn structure, tournament book, rook ending",
        "castling early, sacrificing a knight, defending a lost endgame, calculating variations, "
        "promoting a pawn, mating with bishop and knight",
    ),
    _theme(
        "trains",
        "steam locomotive, night train, railway timetable, sleeper car, model railway, "
        "signal box, high-speed line, freight wagon, station hall, narrow gauge railway",
        "crossing a viaduct, coupling wagons, travelling by sleeper, restoring a locomotive, "
        "building a model track, changing trains at midnight",
    ),
    _theme(
        "parenting",
        "baby carrier, bedtime story, toddler group, nursery, picture book, school lunch box, "
        "pram, potty training, children's party, lullaby",
        "putting a baby to sleep, reading to toddlers, packing a lunch box, changing nappies, "
        "calming a tantrum, choosing a kindergarten",
    ),
    _theme(
        "horror films",
        "haunted house film, zombie movie, slasher sequel, vampire film, ghost story, "
        "monster movie, possession film, found footage film, werewolf film, horror anthology",
        "screaming in the dark, hiding from a zombie, exorcising a demon, opening the cellar door, "
        "running from a masked killer, waking the undead",
    ),
    _theme(
        "interior design",
        "linen sofa, oak table, floor lamp, wallpaper, woollen rug, bookshelf, curtain fabric, "
        "paint colour, velvet armchair, hallway mirror",
        "painting a wall, lighting a corner, arranging furniture, choosing curtains, "
        "mixing patterns, making a small flat look larger",
    ),
    _theme(
        "electric cars",
        "electric hatchback, home charger, car battery, charging network, heat pump, "
        "regenerative brake, driving range test, plug adapter, electric motor, battery warranty",
        "charging overnight, planning a charging stop, preheating the battery, driving on one "
        "pedal, extending the range in winter, comparing charging tariffs",
    ),
    _theme(
        "birdwatching",
        "binoculars, bird hide, kingfisher, owl nest, migration calendar, field guide, "
        "bird feeder, heron colony, songbird recording, nesting box",
        "counting migrating geese, listening for owls, identifying warblers, ringing songbirds, "
        "spotting a kingfisher, feeding finches in winter",
    ),
    _theme(
        "medicine",
        "vaccine trial, blood pressure monitor, antibiotic, surgery handbook, heart valve, "
        "diabetes study, hospital ward, migraine clinic, cancer screening, insulin pump",
        "treating an infection, measuring blood pressure, diagnosing a disease, "
        "prescribing antibiotics, recovering from surgery, reading an X-ray",
    ),
    _theme(
        "video games",
        "platform game, role-playing game, game controller, boss fight, racing simulator, "
        "indie game, multiplayer shooter, strategy game, speedrun, game console",
        "levelling up a character, beating the final boss, joining a raid, exploring an open "
        "world, building a base, racing online",
    ),
)

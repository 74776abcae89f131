/* words_list.c: the 1024 words of challenge sentences, and drawing from them.
 *
 * Common, inoffensive English words of four phones or more, most of two syllables. In the dialect of flite's lexicon, with
 * stress and the difference of ax and ah put aside, any two differ by two phones at least (inserted, dropped or changed), so
 * that one misheard phone turns no word of the list into another; tests/voice/test_words.c checks it. The order is that of
 * the alphabet and part of what a nonce means: never insert, only replace under a new list.
 */
#include <string.h>

#include "voice/words.h"

static const char words[LK_WORDS_LIST][12] = {
    "accept", "acorn", "acrobat", "active", "actor", "admiral", "admire", "adventure", "advise", "afternoon", "airplane",
    "airport", "alarm", "album", "almond", "almost", "alphabet", "already", "always", "amazing", "amber", "amuse", "anchor",
    "ancient", "angel", "animal", "ankle", "announce", "annual", "antenna", "appear", "apple", "apricot", "april", "arcade",
    "archer", "arctic", "armchair", "arrange", "artist", "athlete", "atlas", "attend", "attic", "august", "autumn", "avenue",
    "awake", "badger", "baggage", "bagpipe", "baker", "balance", "balcony", "ballet", "balloon", "bamboo", "banana",
    "bandage", "banjo", "barber", "barley", "barrel", "basement", "basic", "basket", "bathtub", "battery", "beacon",
    "beautiful", "beaver", "become", "bedroom", "beehive", "beetle", "before", "begin", "behave", "believe", "bellows",
    "belong", "berry", "between", "beyond", "bicycle", "birthday", "bitter", "blackbird", "blanket", "blossom", "blueprint",
    "bonfire", "bonnet", "bookcase", "border", "borrow", "boulder", "bouquet", "bracelet", "branch", "breakfast", "broccoli",
    "bronze", "brother", "bubble", "bucket", "buffalo", "building", "bundle", "busy", "butcher", "butterfly", "button",
    "cabbage", "cable", "cactus", "calendar", "camel", "camera", "campus", "canal", "candle", "candy", "canoe", "canvas",
    "canyon", "captain", "caramel", "caravan", "cardboard", "careful", "cargo", "carnival", "carpenter", "carpet",
    "carriage", "carrot", "carry", "cartoon", "cashew", "catalog", "cathedral", "cautious", "cavern", "ceiling", "celebrate",
    "celery", "cello", "cement", "center", "ceramic", "cereal", "certain", "champion", "channel", "chapter", "charcoal",
    "cheerful", "chemist", "chestnut", "chicken", "chimney", "chocolate", "cinnamon", "circle", "citizen", "city",
    "clarinet", "classic", "classroom", "clever", "climate", "cloudy", "cobweb", "coconut", "coffee", "collect", "college",
    "colorful", "combine", "comet", "comfort", "compare", "complete", "concert", "consider", "constant", "continue",
    "copper", "coral", "corner", "cottage", "country", "cousin", "cover", "cowboy", "cradle", "crater", "crayon", "create",
    "creature", "cricket", "crimson", "crocodile", "crystal", "cucumber", "cupboard", "curious", "cushion", "customer",
    "cymbal", "cypress", "daffodil", "daily", "dancer", "daughter", "daylight", "december", "decide", "decimal", "decorate",
    "delicate", "deliver", "dentist", "depend", "describe", "desert", "design", "develop", "diagram", "dialog", "diamond",
    "different", "dinner", "dinosaur", "diploma", "discover", "discuss", "distance", "doctor", "dolphin", "domino", "donkey",
    "doorbell", "doorway", "dragon", "driver", "duet", "dungeon", "during", "earring", "easel", "eastern", "eclipse",
    "educate", "eggplant", "elbow", "elegant", "eleven", "emerald", "empty", "encourage", "endless", "engine", "engineer",
    "enjoy", "enormous", "envelope", "episode", "equal", "equator", "equip", "escape", "evening", "evergreen", "exact",
    "examine", "excellent", "exit", "expect", "explain", "explore", "express", "fabric", "factory", "falcon", "familiar",
    "family", "famous", "farmer", "fashion", "father", "favorite", "fennel", "festival", "fiddle", "fifty", "figure",
    "finger", "finish", "firefly", "fireplace", "fisherman", "flamingo", "flannel", "flashlight", "flavor", "flexible",
    "flour", "follow", "football", "footprint", "forest", "forget", "formal", "formula", "fortune", "forward", "fossil",
    "fountain", "fourteen", "fragile", "fragrance", "freckle", "freedom", "frequent", "friday", "friendly", "frozen",
    "funny", "furniture", "future", "galaxy", "gallon", "garage", "garden", "garlic", "garment", "gather", "gazelle",
    "generous", "gentle", "genuine", "geyser", "giant", "giggle", "ginger", "giraffe", "glacier", "glider", "golden",
    "goldfish", "gondola", "graceful", "grammar", "granite", "grapefruit", "gravel", "gravity", "greenhouse", "grocery",
    "guitar", "gymnast", "habitat", "hairbrush", "hallway", "hamburger", "hammer", "hammock", "hamster", "happen", "happy",
    "harmless", "harmony", "harvest", "hazelnut", "headlight", "healthy", "heavy", "hedgehog", "helmet", "helpful", "hero",
    "heron", "hexagon", "hiker", "history", "hobby", "holiday", "homework", "horizon", "hospital", "hotel", "humble",
    "hummingbird", "hundred", "hurricane", "husky", "iceberg", "igloo", "iguana", "image", "imagine", "important", "improve",
    "include", "increase", "indigo", "inform", "innocent", "insect", "inside", "instrument", "internet", "invention",
    "invite", "iris", "island", "jacket", "jaguar", "jasmine", "jelly", "jewel", "jigsaw", "journal", "journey", "joyful",
    "juggler", "july", "jungle", "juniper", "jury", "justice", "kangaroo", "kayak", "kettle", "keyboard", "kingdom",
    "kitchen", "kiwi", "knapsack", "kneecap", "ladder", "lady", "lagoon", "language", "lantern", "laptop", "laundry", "lava",
    "lavender", "lawyer", "leather", "lecture", "legend", "lemon", "lemonade", "leopard", "lettuce", "level", "liberty",
    "library", "lightning", "lilac", "lily", "limerick", "limestone", "linen", "lion", "lively", "lizard", "lobster",
    "local", "locker", "locket", "logic", "london", "lonely", "loyal", "lucky", "luggage", "lullaby", "lumber", "lyric",
    "machine", "magazine", "magic", "magician", "magnet", "magpie", "mailbox", "major", "manager", "mandolin", "mango",
    "mansion", "mantle", "maple", "marathon", "marble", "margin", "marigold", "market", "marmalade", "mason", "mattress",
    "maximum", "maybe", "meadow", "measure", "medal", "medicine", "medium", "melody", "melon", "mentor", "menu", "merchant",
    "mermaid", "message", "meter", "microphone", "midnight", "mighty", "mileage", "million", "mineral", "minute", "mirror",
    "mitten", "modern", "modest", "molecule", "moment", "monday", "monkey", "monument", "moonlight", "morning", "mosaic",
    "mosquito", "mother", "movie", "muffin", "multiply", "muscle", "museum", "mushroom", "music", "musical", "mustache",
    "mustard", "mutual", "napkin", "narrow", "nation", "native", "natural", "nature", "navy", "nebula", "necklace", "needle",
    "nephew", "nervous", "network", "never", "nickel", "nightingale", "noble", "northern", "notebook", "notice", "novel",
    "november", "nutmeg", "nylon", "object", "observe", "obtain", "obvious", "ocean", "octagon", "october", "octopus",
    "office", "official", "olive", "omelet", "onion", "opera", "opinion", "opposite", "orange", "orbit", "orchard",
    "orchestra", "orchid", "organ", "ostrich", "outdoor", "outfit", "outside", "oval", "oven", "oxygen", "oyster", "pacific",
    "package", "paddle", "painter", "pajamas", "palace", "pancake", "panda", "panther", "paper", "parachute", "parade",
    "parcel", "parent", "parsley", "parsnip", "passenger", "passport", "pasta", "pastry", "patient", "pattern", "pavement",
    "peaceful", "peacock", "peanut", "pebble", "pelican", "pencil", "penguin", "percent", "perfect", "perform", "perfume",
    "perhaps", "permit", "person", "pheasant", "photograph", "picnic", "picture", "pigeon", "pilgrim", "pillow", "pilot",
    "pineapple", "pioneer", "planet", "plastic", "platform", "platinum", "playground", "plaza", "pleasant", "plenty",
    "plumber", "poem", "polish", "polite", "pollen", "pony", "popcorn", "poplar", "poppy", "popular", "porcelain",
    "porcupine", "porridge", "portrait", "positive", "postcard", "potato", "powder", "powerful", "practical", "practice",
    "prairie", "precious", "prefer", "prepare", "pretty", "pretzel", "prevent", "princess", "printer", "prism", "private",
    "professor", "profile", "program", "project", "promise", "propeller", "proper", "protect", "provide", "province",
    "public", "pudding", "pumpkin", "puppet", "purple", "puzzle", "pyramid", "python", "quality", "quarter", "question",
    "quickly", "quiet", "quiver", "quota", "rabbit", "raccoon", "racket", "radar", "radish", "railway", "rainbow",
    "raindrop", "raisin", "random", "rapid", "raspberry", "raven", "razor", "ready", "receive", "recent", "recipe",
    "recognize", "recommend", "record", "rectangle", "reflect", "regular", "reindeer", "relax", "relay", "remain", "remedy",
    "remember", "remind", "remove", "repair", "repeat", "reply", "reporter", "reptile", "request", "rescue", "restaurant",
    "return", "reward", "rhubarb", "rhythm", "ribbon", "river", "robot", "rooster", "rosemary", "rubber", "ruby", "ruler",
    "rural", "safari", "saffron", "sailor", "salad", "salmon", "sandwich", "sardine", "satchel", "satellite", "saturday",
    "saucepan", "sausage", "savanna", "sawdust", "saxophone", "scarecrow", "scatter", "scholar", "science", "scissors",
    "sculptor", "seagull", "season", "seaweed", "second", "secret", "sentence", "september", "sequence", "seven", "seventy",
    "several", "shadow", "shampoo", "shelter", "sheriff", "shimmer", "shiny", "shovel", "shutter", "sidewalk", "signal",
    "silent", "silver", "similar", "sincere", "singer", "single", "sister", "sixteen", "skeleton", "skyline", "slender",
    "slipper", "snowflake", "snowman", "social", "soda", "soften", "soldier", "somersault", "sonata", "southern",
    "spaceship", "spaghetti", "sparkle", "sparrow", "spatula", "speaker", "special", "spider", "spinach", "spiral",
    "splendid", "sprinkle", "squirrel", "stable", "stadium", "stairway", "starfish", "station", "statue", "steady",
    "stencil", "stormy", "strange", "strawberry", "student", "studio", "submarine", "suburb", "subway", "sudden", "sugar",
    "suggest", "suitcase", "summer", "summit", "sunday", "sunflower", "sunrise", "sunset", "super", "supply", "support",
    "surface", "surprise", "swallow", "sweater", "swimmer", "syllable", "symphony", "syrup", "tablet", "tadpole", "talent",
    "tambourine", "tangerine", "target", "taxi", "teacher", "teapot", "telephone", "telescope", "temple", "tender", "tennis",
    "texture", "thirsty", "thirteen", "thistle", "thousand", "thunder", "thursday", "ticket", "tidy", "tiger", "timber",
    "tired", "today", "together", "tomato", "topaz", "tornado", "tortoise", "total", "toward", "towel", "tractor", "traffic",
    "trampoline", "transit", "traveler", "treasure", "triangle", "tricycle", "trio", "triumph", "trolley", "trombone",
    "trophy", "tropical", "trouser", "trumpet", "tuesday", "tugboat", "tulip", "tuna", "tundra", "tunnel", "turban",
    "turkey", "turnip", "turquoise", "tutor", "twenty", "twilight", "umbrella", "understand", "unfold", "unicorn", "uniform",
    "universe", "unless", "until", "upon", "upstairs", "useful", "usual", "utensil", "vacation", "valley", "valuable",
    "vanilla", "various", "vegetable", "vehicle", "velvet", "veranda", "vertical", "victory", "village", "vinegar",
    "vineyard", "violet", "visible", "visit", "vitamin", "vivid", "volcano", "volleyball", "volume", "voyage", "vulture",
    "waffle", "wagon", "waiter", "waitress", "walnut", "walrus", "wander", "wardrobe", "warehouse", "waterfall", "wednesday",
    "weekend", "welcome", "western", "whenever", "whisker", "wildlife", "willing", "window", "winter", "wisdom", "without",
    "wombat", "wonderful", "wooden", "woodland", "woodpecker", "workshop", "wrapper", "writer", "yesterday", "yodel",
    "yogurt", "zebra", "zeppelin", "zigzag", "zipper", "zodiac",
};

/* Draws need little more than a stream of their own; the secret is in the hash that keys them. */
#define STREAM_PICK 0x776f7264u
#define RANDOM_BYTES_LEAST 16
#define RANDOM_BYTES_MOST 4096

const char *lk_words_at(int i) { return i >= 0 && i < LK_WORDS_LIST ? words[i] : NULL; }

int lk_words_find(const char *word, size_t n)
{
    int lo = 0, hi = LK_WORDS_LIST;
    while (lo < hi) {
        int mid = (lo + hi) / 2, c = strncmp(words[mid], word, n);
        if (!c && words[mid][n]) c = 1;
        if (!c) return mid;
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return -1;
}

lk_status lk_words_pick(const void *random, size_t bytes, int n, char *out, size_t cap, lk_error *err)
{
    if (bytes < RANDOM_BYTES_LEAST || bytes > RANDOM_BYTES_MOST)
        return LK_FAIL(err, LK_E_RANGE, "random words need %d to %d random bytes, not %zu", RANDOM_BYTES_LEAST,
                       RANDOM_BYTES_MOST, bytes);
    if (n < 1 || n > LK_WORDS_PICK_MAX)
        return LK_FAIL(err, LK_E_RANGE, "a sentence has 1 to %d random words, not %d", LK_WORDS_PICK_MAX, n);
    lk_hash h = lk_hash_bytes(random, bytes);
    int drawn[LK_WORDS_PICK_MAX];
    size_t at = 0;
    if (cap) out[0] = 0;
    for (int i = 0; i < n; i++) {
        /* All 256 bits count: each word's draw is keyed by a hash of its own, so that 64 bits of a seed bound nothing. */
        for (uint64_t again = 0;; again++) {
            uint8_t block[LK_HASH_BYTES + 16] = {0};
            memcpy(block, h.b, LK_HASH_BYTES);
            block[LK_HASH_BYTES] = (uint8_t)i;
            block[LK_HASH_BYTES + 1] = (uint8_t)again;
            lk_hash own = lk_hash_bytes(block, sizeof block);
            uint64_t key;
            memcpy(&key, own.b, sizeof key);
            lk_rng r = lk_rng_at(key, STREAM_PICK, 0, again);
            drawn[i] = (int)lk_rng_below(&r, LK_WORDS_LIST);
            bool fresh = true;
            for (int k = 0; k < i; k++) fresh = fresh && drawn[k] != drawn[i];
            if (fresh) break;
        }
        const char *w = words[drawn[i]];
        size_t len = strlen(w);
        if (at + len + 2 > cap)
            return LK_FAIL(err, LK_E_RANGE, "%d random words do not fit into %zu bytes; give more room", n, cap);
        if (at) out[at++] = ' ';
        memcpy(out + at, w, len + 1);
        at += len;
    }
    return LK_OK;
}

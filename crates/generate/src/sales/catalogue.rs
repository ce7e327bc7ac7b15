//! What the shops sell, and to whom.

/// Shops, as they begin a transaction id.
pub(super) const SHOPS: [&str; 12] = [
    "AMS", "BER", "BRU", "CPH", "DUB", "GVA", "LIS", "LYO", "MAD", "PAR", "ROM", "VIE",
];

/// Categories with the nouns of their products.
pub(super) const CATEGORIES: [(&str, [&str; 8]); 8] = [
    (
        "Lighting",
        [
            "desk lamp",
            "floor lamp",
            "lantern",
            "fairy lights",
            "pendant",
            "wall light",
            "candle set",
            "torch",
        ],
    ),
    (
        "Kitchen",
        [
            "teapot",
            "mixing bowl",
            "chopping board",
            "café press",
            "whisk",
            "pepper mill",
            "cake tin",
            "ladle",
        ],
    ),
    (
        "Garden",
        [
            "trowel",
            "watering can",
            "planter",
            "bird house",
            "hose",
            "seed tray",
            "rake",
            "sundial",
        ],
    ),
    (
        "Books",
        [
            "atlas",
            "cookbook",
            "notebook",
            "sketchbook",
            "diary",
            "field guide",
            "novel",
            "score",
        ],
    ),
    (
        "Toys",
        [
            "puzzle",
            "kite",
            "train",
            "spinning top",
            "bear",
            "yo-yo",
            "doll's house",
            "marbles",
        ],
    ),
    (
        "Textiles",
        [
            "blanket",
            "cushion",
            "tea towel",
            "curtain",
            "rug",
            "scarf",
            "apron",
            "tablecloth",
        ],
    ),
    (
        "Office",
        [
            "stapler",
            "inkwell",
            "paperweight",
            "folder",
            "ruler",
            "clipboard",
            "pencil pot",
            "calendar",
        ],
    ),
    (
        "Travel",
        [
            "suitcase",
            "flask",
            "umbrella",
            "passport case",
            "backpack",
            "compass",
            "travel pillow",
            "map",
        ],
    ),
];

/// What sets products of one noun apart.
pub(super) const ADJECTIVES: [&str; 8] = [
    "Walnut",
    "Copper",
    "Vintage",
    "Folding",
    "Bright",
    "Slate",
    "Crème",
    "Travel-size",
];

/// First parts of clients' addresses.
pub(super) const FIRST_NAMES: [&str; 24] = [
    "ada",
    "bruno",
    "chiara",
    "dmitri",
    "elena",
    "farid",
    "greta",
    "hugo",
    "ines",
    "jonas",
    "katarzyna",
    "liam",
    "maria",
    "nils",
    "olivia",
    "pedro",
    "quentin",
    "rosa",
    "sofia",
    "tomas",
    "ulla",
    "victor",
    "wanda",
    "yann",
];

/// Second parts of clients' addresses.
pub(super) const LAST_NAMES: [&str; 24] = [
    "andersen",
    "bianchi",
    "costa",
    "dubois",
    "eriksson",
    "fischer",
    "garcia",
    "haddad",
    "ivanova",
    "jensen",
    "keller",
    "lopez",
    "martin",
    "novak",
    "oliveira",
    "petit",
    "quinn",
    "rossi",
    "schmidt",
    "tanaka",
    "urban",
    "vidal",
    "weber",
    "zielinski",
];

/// Numbers that tell namesakes apart: 24 × 24 × 40 clients.
pub(super) const NAMESAKES: u64 = 40;

/// How many products there are: every adjective with every noun of every category.
pub(super) const PRODUCTS: u64 = 8 * 8 * 8;

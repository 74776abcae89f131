/* commands.c: the table. Help, man page, completion and tests are read off it. */
#include "cli.h"

#define OPTIONS(rows) rows, CLI_COUNT(rows)
#define NO_OPTIONS NULL, 0

const cli_option cli_common[] = {
    {"project", 'p', CLI_FILE, "DIR", NULL, 0, 0, "project folder (else LIKENESS_PROJECT, else ./likeness-project)"},
    {"threads", 0, CLI_INT, "N", NULL, 1, 256, "threads to use (default: all CPUs this process may use)"},
    {"quiet", 'q', CLI_FLAG, NULL, NULL, 0, 0, "no progress lines"},
    {"help", 'h', CLI_FLAG, NULL, NULL, 0, 0, "show the help of the command"},
};
const int cli_common_count = CLI_COUNT(cli_common);

static const cli_option subject_add_options[] = {
    {"synthetic", 0, CLI_FLAG, NULL, NULL, 0, 0, "a synthetic actor who depicts nobody"},
};

static const cli_option subject_enroll_options[] = {
    {"minutes", 'm', CLI_INT, "N", "30", 1, 1440, "how long a new challenge stays open"},
    {"no-challenge", 0, CLI_FLAG, NULL, NULL, 0, 0, "any clip or picture will do; records will say \"unverified\""},
    {"review", 0, CLI_STRING, "NAME", NULL, 0, 0, "who looked at the clip and vouches for it where the program is in doubt; kept in the log"},
};

/* What a record says: grant, request and amend take these. uses and days differ in their defaults. */
#define TERMS(uses, days)                                                                                                      \
    {"uses", 'u', CLI_STRING, "WORDS", uses, 0, 0,                                                                             \
     "what the person agrees to: face-source (my face on another performance), face-target (another face on mine), voice, "    \
     "expression, lips, character"},                                                                                           \
    {"days", 'd', CLI_INT, "N", days, 1, 3650, "term in days, at most ten years; a minor's ends at 18"},                       \
    {"statement", 's', CLI_STRING, "TEXT", NULL, 0, 0, "the intended use in the person's words"},                              \
    {"for", 0, CLI_STRING, "PROJECT", NULL, 0, 0, "project it is for (default this one)"},                                     \
    {"territory", 0, CLI_STRING, "TEXT", NULL, 0, 0, "where it may be shown (default worldwide)"},                             \
    {"pay", 0, CLI_STRING, "TEXT", NULL, 0, 0, "what is paid (default \"unpaid, stated\")"},                                   \
    {"quota", 0, CLI_INT, "N", NULL, 0, 1e9, "how many outputs may be made, 0 = no limit"},                                    \
    {"forbid", 0, CLI_STRING, "LIST", NULL, 0, 0, "forbidden beyond what always is, divided by ';'"},                          \
    {"duties", 0, CLI_STRING, "WORDS", NULL, 0, 0, "owed beyond label, c2pa and watermark: spoken, credit"},                   \
    {"grantees", 0, CLI_STRING, "LIST", NULL, 0, 0, "who may use it, NAME=PUBLICKEY divided by ';' (default this studio)"},    \
    {"contact", 0, CLI_STRING, "TEXT", NULL, 0, 0, "whom to ask to revoke"},                                                   \
    {"age", 0, CLI_CHOICE, "adult|minor|deceased", NULL, 0, 0, "a minor needs guardians, a deceased person the estate"},       \
    {"born", 0, CLI_STRING, "DATE", NULL, 0, 0, "YYYY-MM-DD; this and the following are sealed, the record holds a hash"},     \
    {"legal-name", 0, CLI_STRING, "NAME", NULL, 0, 0, "the person's legal name"},                                              \
    {"reach", 0, CLI_STRING, "TEXT", NULL, 0, 0, "how to reach the person"},                                                   \
    {"guardians", 0, CLI_STRING, "LIST", NULL, 0, 0, "who agrees for a minor, at most two, divided by ';'"},                   \
    {"estate", 0, CLI_STRING, "NAME", NULL, 0, 0, "who agrees for a deceased person"}

static const cli_option consent_grant_options[] = {TERMS("face-source,face-target", "365")};
const cli_option *const cli_terms = consent_grant_options;
const int cli_terms_count = CLI_COUNT(consent_grant_options);

static const cli_option consent_request_options[] = {
    TERMS("face-source,face-target", "365"),
    {"out", 'o', CLI_FILE, "FILE", NULL, 0, 0, "the request to send (required)"},
    {"key", 'k', CLI_STRING, "HEX", NULL, 0, 0, "the person's public key, when they told it; else they bring it along"},
};

static const cli_option consent_amend_options[] = {
    TERMS(NULL, NULL),
    {"out", 'o', CLI_FILE, "FILE", NULL, 0, 0, "write it for the person to sign, who has a key of their own"},
};

static const cli_option consent_sign_options[] = {
    {"key", 'k', CLI_FILE, "KEYFILE", NULL, 0, 0, "your key (required)"},
    {"yes", 'y', CLI_FLAG, NULL, NULL, 0, 0, "I have read it and agree: do not ask"},
    {"out", 'o', CLI_FILE, "FILE", NULL, 0, 0, "the signed record (default FILE.signed)"},
};

static const cli_option consent_withdraw_options[] = {
    {"key", 'k', CLI_FILE, "KEYFILE", NULL, 0, 0, "your key (required)"},
    {"reason", 0, CLI_STRING, "TEXT", NULL, 0, 0, "if you want to give one"},
    {"out", 'o', CLI_FILE, "FILE", NULL, 0, 0, "the withdrawal to send (required)"},
};

static const cli_option consent_show_options[] = {
    {"text", 't', CLI_FILE, "FILE", NULL, 0, 0, "write the page to a file, to print"},
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, "as one JSON object"},
};

static const cli_option consent_json_options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, "one JSON object a line"},
};

static const cli_option consent_revoke_options[] = {
    {"reason", 0, CLI_STRING, "TEXT", "withdrawn by the subject", 0, 0, "kept in the audit log"},
};

static const cli_option consent_prove_options[] = {
    {"out", 'o', CLI_FILE, "FILE", NULL, 0, 0, "where the proof goes (default: print it)"},
};

static const cli_option consent_checkpoint_options[] = {
    {"since", 0, CLI_FILE, "OLD", NULL, 0, 0, "an older checkpoint: prove that the log only grew since"},
    {"out", 'o', CLI_FILE, "FILE", NULL, 0, 0, "where it goes (default: print it)"},
};

static const cli_option consent_check_options[] = {
    {"key", 'k', CLI_STRING, "HEX", NULL, 0, 0, "the public key of the studio that it must be of"},
    {"witness", 0, CLI_STRING, "HEX", NULL, 0, 0, "the public key of a witness that must have seen it"},
};

static const cli_option consent_witness_options[] = {
    {"key", 'k', CLI_FILE, "KEYFILE", NULL, 0, 0, "the witness's key (required)"},
    {"name", 'n', CLI_STRING, "NAME", "witness.example", 0, 0, "of the witness, like a web address"},
    {"out", 'o', CLI_FILE, "FILE", NULL, 0, 0, "where the checkpoint with the signature goes (default: print it)"},
};

static const cli_option import_options[] = {
    {"subject", 's', CLI_STRING, "NAME", NULL, 0, 0, "who is seen (required)"},
    {"as", 'a', CLI_CHOICE, "source|target", "source", 0, 0, "source: the face to put on; target: the performance that gets it"},
    {"track", 't', CLI_INT, "N", "-1", -1, 10000, "the only track to take (see likeness faces); -1 = all that show the person"},
    {"review", 0, CLI_STRING, "NAME", NULL, 0, 0, "who looked at faces that may or may not be the person, and says they are; kept in the log"},
    {"max-samples", 0, CLI_INT, "N", "2000", 8, 20000, "keep at most so many faces; near-duplicates go first"},
};

static const cli_option train_swap_options[] = {
    {"from", 'f', CLI_STRING, "NAME", NULL, 0, 0, "whose face is put on (required)"},
    {"onto", 'o', CLI_STRING, "NAME", NULL, 0, 0, "whose performance gets it (required)"},
    {"name", 'n', CLI_STRING, "NAME", NULL, 0, 0, "name of the model (default FROM-on-ONTO)"},
    {"size", 0, CLI_CHOICE, "64|96|128", "96", 0, 0, "side of the face the network draws, in pixels"},
    {"minutes", 'm', CLI_REAL, "M", "20", 0, 100000, "time to spend, all phases included"},
    {"steps", 0, CLI_INT, "N", "0", 0, 1e9, "stop after so many steps instead of a time"},
    {"batch", 'b', CLI_INT, "N", "8", 2, 64, "faces of each person in a step"},
    {"gan-power", 0, CLI_REAL, "P", "-1", -1, 1, "strength of the adversarial last phase, 0 = none, -1 = default"},
    {"seed", 0, CLI_INT, "N", "1", 0, 9e15, "same seed, data and machine give the same model"},
    {"dtype", 0, CLI_CHOICE, "auto|bf16|f32", "auto", 0, 0, "arithmetic"},
    {"from-scratch", 0, CLI_FLAG, NULL, NULL, 0, 0, "do not start from the shipped base"},
    {"restart", 0, CLI_FLAG, NULL, NULL, 0, 0, "forget an unfinished run of the same name"},
    {"preview", 0, CLI_FILE, "PNG", NULL, 0, 0, "picture that is refreshed while training (default PROJECT/previews/NAME.png)"},
};

static const cli_option swap_options[] = {
    {"model", 'm', CLI_STRING, "NAME", NULL, 0, 0, "model in the project, or a file (required)"},
    {"output", 'o', CLI_FILE, "FILE", NULL, 0, 0, "the made clip, .mp4 or .mov (required)"},
    {"track", 't', CLI_INT, "N", "-1", -1, 10000, "who gets the face (see likeness faces); -1 = who looks like the model's target"},
    {"sheet", 0, CLI_FILE, "PNG", NULL, 0, 0, "contact sheet: source, destination, result"},
    {"label", 'l', CLI_CHOICE, "bottom-left|bottom-right|top-left|top-right|lower-third", "bottom-left", 0, 0,
     "where the visible disclosure stands"},
    {"label-style", 0, CLI_CHOICE, "plate|band|icon", "plate", 0, 0, "words on a plate, on a band across the picture, or an AI icon"},
    {"color", 'c', CLI_CHOICE, "auto|none|meanstd|lowfreq", "auto", 0, 0, "how the face takes the light of the frame"},
    {"sharpen", 0, CLI_REAL, "S", "-1", -1, 1, "how far eyes and mouth follow the frame's sharpness, -1 = default"},
    {"grain", 0, CLI_REAL, "G", "-1", -1, 1, "how far the face takes the frame's grain, -1 = default"},
    {"crf", 0, CLI_INT, "N", "0", 0, 40, "H.264 quality, lower is better, 0 = default"},
};

static const cli_option faces_options[] = {
    {"picture", 'o', CLI_FILE, "PNG", NULL, 0, 0, "picture with boxes, points and track numbers"},
    {"no-json", 0, CLI_FLAG, NULL, NULL, 0, 0, "do not print the JSON lines"},
};

static const cli_option model_show_options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, "as one JSON object"},
};

static const cli_option model_export_options[] = {
    {"out", 'o', CLI_FILE, "FILE", NULL, 0, 0, "where it goes (required)"},
    {"to", 0, CLI_STRING, "KEY", NULL, 0, 0, "studio that its key is sealed to: 64 hex digits, or a file that begins with them"},
};

static const cli_option model_import_options[] = {
    {"name", 'n', CLI_STRING, "NAME", NULL, 0, 0, "what it is called here (default: as the file is)"},
};

static const cli_option subject_outputs_options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, "as one JSON object"},
};

static const cli_option subject_erase_options[] = {
    {"yes", 'y', CLI_FLAG, NULL, NULL, 0, 0, "it is wanted, and cannot be undone"},
    {"outputs", 0, CLI_FLAG, NULL, NULL, 0, 0, "remove made clips and pictures inside the project too"},
};

static const cli_option trace_options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, "as one JSON object"},
    {"picture", 'o', CLI_FILE, "PNG", NULL, 0, 0, "the same as a picture of boxes and lines"},
};

static const cli_option takedown_options[] = {
    {"out", 'o', CLI_FILE, "REPORT.txt", NULL, 0, 0, "the report as a file, ready to send"},
    {"trust", 0, CLI_FILE, "PEM", NULL, 0, 0, "further certificates to trust as roots"},
};

static const cli_option verify_options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, "the whole report as one JSON object"},
    {"quick", 0, CLI_FLAG, NULL, NULL, 0, 0, "manifest and registry only: look for no hidden mark"},
    {"trust", 0, CLI_FILE, "PEM", NULL, 0, 0, "further certificates to trust as roots"},
};

static const cli_option registry_list_options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, "one JSON object a line"},
};

static const cli_option search_options[] = {
    {"json", 'j', CLI_FLAG, NULL, NULL, 0, 0, "as one JSON object"},
};

static const cli_option bench_options[] = {
    {"data", 0, CLI_FILE, "DIR", NULL, 0, 0, "data folder (else LIKENESS_DATA, else ../shared/data)"},
    {"only", 0, CLI_STRING, "WHAT", NULL, 0, 0, "one case: a pair such as A-B, a size such as 96"},
    {"minutes", 'm', CLI_REAL, "M", "0", 0, 600, "training time for each pair, 0 = default"},
    {"work", 0, CLI_FILE, "DIR", NULL, 0, 0, "keep models, clips and sheets here"},
    {"csv", 0, CLI_FILE, "FILE", NULL, 0, 0, "append rows (commit, CPU, threads, seed, figures)"},
};

static const cli_option demo_options[] = {
    {"dir", 'd', CLI_FILE, "DIR", "demo-out", 0, 0, "where the demo's project and results go"},
    {"minutes", 'm', CLI_REAL, "M", "6", 0.05, 600, "training time"},
};

#define USER_OPTION {"user", 0, CLI_FLAG, NULL, NULL, 0, 0, "the keys of all your projects, not those of this one"}
#define PASSPHRASE_OPTION                                                                                                    \
    {"passphrase-file", 0, CLI_FILE, "FILE", NULL, 0, 0, "the passphrase is its first line (else LIKENESS_PASSPHRASE_FILE)"}
#define ASK_OPTION {"ask", 0, CLI_FLAG, NULL, NULL, 0, 0, "ask for a new passphrase on the terminal instead of making a random one"}
#define REPLACE_OPTION {"replace", 0, CLI_FLAG, NULL, NULL, 0, 0, "put away the key that is there"}

static const cli_option keys_make_options[] = {
    {"name", 'n', CLI_STRING, "NAME", NULL, 0, 0, "who signs, as others will read it (required)"},
    {"organization", 0, CLI_STRING, "NAME", NULL, 0, 0, "company or institution"},
    {"country", 0, CLI_STRING, "CC", NULL, 0, 0, "two letters, such as DE"},
    {"algorithm", 0, CLI_CHOICE, "es256|ed25519", "es256", 0, 0, "kind of key"},
    {"days", 'd', CLI_INT, "N", "365", 1, 3650, "how long the certificate lasts"},
    PASSPHRASE_OPTION,
    ASK_OPTION,
    REPLACE_OPTION,
    USER_OPTION,
};

static const cli_option keys_import_options[] = {
    {"key-passphrase-file", 0, CLI_FILE, "FILE", NULL, 0, 0, "opens the key that is given, when it is encrypted"},
    PASSPHRASE_OPTION,
    ASK_OPTION,
    REPLACE_OPTION,
    USER_OPTION,
};

static const cli_option keys_rotate_options[] = {
    {"days", 'd', CLI_INT, "N", "365", 1, 3650, "how long the new certificate lasts"},
    PASSPHRASE_OPTION,
    USER_OPTION,
};

static const cli_option keys_user_options[] = {USER_OPTION};

const cli_command cli_commands[] = {
    {"demo", "Start here", "", 0, 0, "swap the faces of two bundled synthetic actors, start to finish",
     "Imports two synthetic actors who depict nobody, signs their consent records, trains a model from the shipped base, "
     "renders the marked clip and a contact sheet, and says where everything is.",
     "  likeness demo\n  likeness demo --minutes 3 --dir /tmp/demo\n", OPTIONS(demo_options), CLI_LONG | CLI_MAKES_MEDIA, cmd_demo},
    {"doctor", "Start here", "", 0, 0, "check this computer: CPU, libraries, models, disk, memory", NULL, "  likeness doctor\n",
     NO_OPTIONS, 0, cmd_doctor},

    {"subject add", "People and consent", "NAME", 1, 1, "add a person", NULL,
     "  likeness subject add \"Ada Actor\"\n  likeness subject add robot --synthetic\n", OPTIONS(subject_add_options),
     CLI_PROJECT_CREATE, cmd_subject_add},
    {"subject list", "People and consent", "", 0, 0, "list the people of the project", NULL, NULL, NO_OPTIONS, CLI_PROJECT,
     cmd_subject_list},
    {"subject enroll", "People and consent", "NAME [CLIP]", 1, 2, "let a person show who they are, before their likeness is used",
     "Without CLIP: prints a sentence with random words and head turns, for the person to record within half an hour. With CLIP: judges "
     "the answer (one face, the turns, the words, no other name with this face or voice, not on the list of those who must never be "
     "cloned) and keeps templates of face and voice, sealed. Footage is compared with them from then on. Where the program is in "
     "doubt, somebody looks and says so with --review.",
     "  likeness subject enroll \"Ada Actor\"\n  likeness subject enroll \"Ada Actor\" answer.mp4\n"
     "  likeness subject enroll \"Ada Actor\" answer.mp4 --review \"Rita Reviewer\"\n"
     "  likeness subject enroll robot robot.mp4 --no-challenge\n",
     OPTIONS(subject_enroll_options), CLI_PROJECT | CLI_LONG, cmd_subject_enroll},
    {"subject enrolled", "People and consent", "", 0, 0, "list who is enrolled and who must never be cloned", NULL, NULL, NO_OPTIONS,
     CLI_PROJECT, cmd_subject_enrolled},
    {"subject protect", "People and consent", "NAME CLIP", 2, 2, "put somebody on the list of those who must never be cloned",
     "Nobody who looks or sounds like the person in CLIP is enrolled or imported from then on. Only sealed templates are kept.",
     "  likeness subject protect \"Nora Never\" nora.jpg\n", NO_OPTIONS, CLI_PROJECT | CLI_LONG, cmd_subject_protect},
    {"subject unprotect", "People and consent", "NAME", 1, 1, "take somebody off that list", "The log keeps that it was done.",
     "  likeness subject unprotect \"Nora Never\"\n", NO_OPTIONS, CLI_PROJECT, cmd_subject_unprotect},
    {"subject outputs", "People and consent", "NAME", 1, 1, "list everything made with a person's likeness",
     "Datasets, models, clips and pictures with dates and hashes, and whether each is still there.",
     "  likeness subject outputs \"Ada Actor\"\n", OPTIONS(subject_outputs_options), CLI_PROJECT, cmd_subject_outputs},
    {"subject erase", "People and consent", "NAME", 1, 1, "forget a person: consent, footage crops, models, keys, name",
     "Revokes every record, destroys the keys of everything that holds the likeness, removes datasets, models, checkpoints, previews "
     "and personal data. The log keeps ids and hashes, as proof of what was agreed to and ended. Clips that were made are listed; "
     "those inside the project go with --outputs. Interrupted, the same command finishes it. It cannot be undone.",
     "  likeness subject erase \"Ada Actor\" --yes\n", OPTIONS(subject_erase_options), CLI_PROJECT, cmd_subject_erase},
    {"consent grant", "People and consent", "NAME", 1, 1, "sign what a person agrees to, with keys held here",
     "Writes a record signed by the person's key and the studio's, both of which the project holds; the record says so. Nothing is "
     "trained or rendered that no live record covers. The person signs with a key of their own with: likeness consent request.",
     "  likeness consent grant \"Ada Actor\" --uses face-source --days 90 \\\n"
     "      --statement \"my face on the stunt double in film X\"\n"
     "  likeness consent grant Bo --uses voice -s \"narration\" --age minor --born 2012-05-01 \\\n"
     "      --guardians \"Gil Guardian\" --quota 3\n",
     OPTIONS(consent_grant_options), CLI_PROJECT, cmd_consent_grant},
    {"consent request", "People and consent", "NAME", 1, 1, "write what a person shall sign on their own machine",
     "The file holds the terms and what is kept about the person, signed by the studio. It counts for nothing until it comes back "
     "signed, within 30 days, and unchanged. From then on only the person's own key can agree for them.",
     "  likeness consent request \"Ada Actor\" --uses face-source -s \"my face in film X\" --out ada.request\n",
     OPTIONS(consent_request_options), CLI_PROJECT, cmd_consent_request},
    {"consent key", "People and consent", "KEYFILE", 1, 1, "make your own key for signing, or show its public half", NULL,
     "  likeness consent key ~/likeness.key\n", NO_OPTIONS, 0, cmd_consent_key},
    {"consent sign", "People and consent", "REQUEST", 1, 1, "read a request in plain words and sign it; needs no project", NULL,
     "  likeness consent sign ada.request --key ~/likeness.key\n", OPTIONS(consent_sign_options), 0, cmd_consent_sign},
    {"consent accept", "People and consent", "FILE", 1, 1, "take in what a person signed, or their withdrawal", NULL,
     "  likeness consent accept ada.request.signed\n", NO_OPTIONS, CLI_PROJECT, cmd_consent_accept},
    {"consent withdraw", "People and consent", "SIGNED", 1, 1, "take back a record you signed; needs no project", NULL,
     "  likeness consent withdraw ada.request.signed --key ~/likeness.key --out ada.withdrawal\n",
     OPTIONS(consent_withdraw_options), 0, cmd_consent_withdraw},
    {"consent show", "People and consent", "RECORD", 1, 1, "show a record in plain words, on one page", NULL,
     "  likeness consent show 5f0c... --text page.txt\n", OPTIONS(consent_show_options), CLI_PROJECT, cmd_consent_show},
    {"consent list", "People and consent", "[NAME]", 0, 1, "list consent records and their state", NULL, NULL,
     OPTIONS(consent_json_options), CLI_PROJECT, cmd_consent_list},
    {"consent amend", "People and consent", "RECORD", 1, 1, "change what a record says: a new version, signed anew",
     "What is not named stays as it was. The record keeps its number, so that what was made under it stays usable as far as the "
     "new version covers it.",
     "  likeness consent amend 5f0c... --quota 10\n  likeness consent amend 5f0c... --uses face-source --out ada.request\n",
     OPTIONS(consent_amend_options), CLI_PROJECT, cmd_consent_amend},
    {"consent revoke", "People and consent", "RECORD", 1, 1, "withdraw a record; effective at the next use", NULL,
     "  likeness consent revoke 5f0c... --reason \"contract ended\"\n", OPTIONS(consent_revoke_options), CLI_PROJECT,
     cmd_consent_revoke},
    {"consent audit", "People and consent", "", 0, 0, "check the chain of the audit log", NULL, NULL, NO_OPTIONS, CLI_PROJECT,
     cmd_consent_audit},
    {"consent log", "People and consent", "", 0, 0, "read the audit log in plain words", NULL, "  likeness consent log\n",
     OPTIONS(consent_json_options), CLI_PROJECT, cmd_consent_log},
    {"consent prove", "People and consent", "RECORD|ROW", 1, 1, "prove to anybody that a row is in the log", NULL,
     "  likeness consent prove 5f0c... --out proof.json\n", OPTIONS(consent_prove_options), CLI_PROJECT, cmd_consent_prove},
    {"consent checkpoint", "People and consent", "", 0, 0, "sign the head of the log as it stands now",
     "Keep checkpoints outside the project, or have a witness sign them: a log that was rewritten later cannot follow from them.",
     "  likeness consent checkpoint --out may.note\n  likeness consent checkpoint --since may.note --out june.note\n",
     OPTIONS(consent_checkpoint_options), CLI_PROJECT, cmd_consent_checkpoint},
    {"consent check", "People and consent", "FILE [NEWER]", 1, 2, "check a proof or checkpoints; needs no project", NULL,
     "  likeness consent check proof.json --key 9f3a...\n  likeness consent check may.note june.note\n",
     OPTIONS(consent_check_options), 0, cmd_consent_check},
    {"consent witness", "People and consent", "CHECKPOINT", 1, 1, "sign a checkpoint as an independent witness",
     "Signs only what follows from the last checkpoint of the same log that this key signed; the next one must carry a proof from it "
     "(likeness consent checkpoint --since).",
     "  likeness consent witness june.note --key witness.key --name union.example --out june.seen\n",
     OPTIONS(consent_witness_options), 0, cmd_consent_witness},
    {"consent moved", "People and consent", "", 0, 0, "say that this copy of a project is the only one now",
     "A copied project is refused, because what is revoked in the other would not be seen in it. When the other is gone for good, "
     "this says so, in the log.",
     NULL, NO_OPTIONS, CLI_PROJECT, cmd_consent_moved},

    {"faces", "Make", "CLIP", 1, 1, "show which faces are in a clip or picture",
     "Prints one JSON line a frame (boxes, 68 landmarks, pose, tracks) and draws a picture of what was found.",
     "  likeness faces clip.mp4 --picture found.png --no-json\n  likeness faces clip.mp4 > faces.jsonl\n",
     OPTIONS(faces_options), CLI_PROJECT_MAYBE | CLI_LONG, cmd_faces},
    {"import", "Make", "CLIP...", 1, -1, "gather a person's face from clips and pictures",
     "Finds the person's face in every frame and keeps aligned samples for training. Faces are compared with the enrolled person: "
     "others are listed and left out. A minute of varied footage is enough to start; the report says what is missing.",
     "  likeness import ada-1.mp4 ada-2.mp4 --subject \"Ada Actor\" --as source\n"
     "  likeness import scene.mp4 --subject \"Bob Double\" --as target\n",
     OPTIONS(import_options), CLI_PROJECT | CLI_LONG, cmd_import},
    {"train swap", "Make", "", 0, 0, "train a face-swap model of two people who agreed",
     "Starts from the shipped base, shows the loss on frames it never trained on, refreshes a preview picture, keeps "
     "a checkpoint every minute. Ctrl-C stops it; the same command goes on where it stopped.",
     "  likeness train swap --from \"Ada Actor\" --onto \"Bob Double\" --minutes 20\n", OPTIONS(train_swap_options),
     CLI_PROJECT | CLI_LONG | CLI_MAKES_MEDIA, cmd_train_swap},
    {"swap", "Make", "CLIP", 1, 1, "put the trained face into a clip",
     "Only the wanted person's face is changed; other people and frames without the face pass through. Sound and time "
     "stamps are kept. The clip carries a visible label and its consent records in its tags.",
     "  likeness swap scene.mp4 --model \"Ada Actor-on-Bob Double\" -o out.mp4 --sheet out.png\n", OPTIONS(swap_options),
     CLI_PROJECT | CLI_LONG | CLI_MAKES_MEDIA, cmd_swap},
    {"model show", "Make", "NAME", 1, 1, "say what a model is: people, consent, recipe, scores", NULL,
     "  likeness model show ada-on-bob\n  likeness model show file.likeness --json\n", OPTIONS(model_show_options), CLI_PROJECT_MAYBE,
     cmd_model_show},

    {"model export", "Make", "NAME", 1, 1, "copy a model out of the project, bound as it is",
     "The file opens only where its key is, and while every consent that it stands on is good. With --to its key travels along, sealed "
     "to a studio that all its records name as a grantee.",
     "  likeness model export ada-on-bob --out archive/ada-on-bob.likeness\n", OPTIONS(model_export_options), CLI_PROJECT,
     cmd_model_export},
    {"model import", "Make", "FILE", 1, 1, "take an exported model back in", NULL,
     "  likeness model import archive/ada-on-bob.likeness\n", OPTIONS(model_import_options), CLI_PROJECT, cmd_model_import},

    {"keys make", "Signing keys", "", 0, 0, "make a key that signs what this project makes",
     "Makes a root and a certificate by it. Others trust what you sign once they trust the root (root.pem). The private keys are "
     "encrypted; without --passphrase-file or --ask a random passphrase is made and kept in your configuration folder. Until "
     "there is a key, outputs are signed by a demo key that says it is one.",
     "  likeness keys make --name \"Studio X\" --organization \"Studio X Ltd\"\n  likeness keys make --name \"Studio X\" --user --ask\n",
     OPTIONS(keys_make_options), CLI_PROJECT_MAYBE, cmd_keys_make},
    {"keys show", "Signing keys", "", 0, 0, "say who signs, until when, and whom you trust", NULL, NULL,
     OPTIONS(keys_user_options), CLI_PROJECT_MAYBE, cmd_keys_show},
    {"keys import", "Signing keys", "CHAIN.pem KEY.pem", 2, 2, "sign with your own certificate",
     "The chain has the signer's certificate first. It must be one that content credentials allow: a key usage of digital "
     "signature, an extended usage such as emailProtection, an authority key identifier, and no authority itself.",
     "  likeness keys import chain.pem key.pem --key-passphrase-file pass.txt\n", OPTIONS(keys_import_options), CLI_PROJECT_MAYBE,
     cmd_keys_import},
    {"keys rotate", "Signing keys", "", 0, 0, "renew the certificate under the same root", NULL, "  likeness keys rotate --days 365\n",
     OPTIONS(keys_rotate_options), CLI_PROJECT_MAYBE, cmd_keys_rotate},
    {"keys trust", "Signing keys", "ROOT.pem", 1, 1, "trust an issuer when judging what others signed", NULL,
     "  likeness keys trust partner-root.pem --user\n", OPTIONS(keys_user_options), CLI_PROJECT_MAYBE, cmd_keys_trust},
    {"keys tsa", "Signing keys", "URL|off", 1, 1, "have a server stamp the time of every signing; off at first",
     "A time stamp keeps a signature valid after its certificate has expired. It is the only thing here that uses the network: the "
     "server gets a hash of the signature, never the file.",
     "  likeness keys tsa http://timestamp.example.com\n  likeness keys tsa off\n", OPTIONS(keys_user_options), CLI_PROJECT_MAYBE,
     cmd_keys_tsa},

    {"verify", "Examine", "FILE", 1, 1, "say what is known of where a file comes from",
     "Reads the signed manifest (C2PA), the hidden marks in picture and sound, and, with a project, its registry and the state of "
     "the consent. Works on anybody's clip, picture or sound, offline. The answer is also the exit code: 0 origin proven by a "
     "trusted signer, 10 intact manifest of a signer nobody vouches for, 11 no manifest but our hidden mark or a registered "
     "copy, 12 nothing known, 13 broken manifest, 14 marks that contradict each other. No mark is no proof of anything.",
     "  likeness verify clip.mp4\n  likeness verify clip.mp4 --json --project film-x\n  likeness verify photo.jpg --trust newsroom.pem\n",
     OPTIONS(verify_options), CLI_PROJECT_MAYBE | CLI_LONG, cmd_verify},

    {"search", "Examine", "FILE", 1, 1, "find what a clip, picture or sound is a copy of",
     "Compares the file with every output of the project and with what was registered: same bytes, looks, motion and sound. Finds "
     "copies that were recoded, scaled, mirrored, turned, cropped about the middle, slowed, or cut out of longer clips, and says which "
     "seconds match. A file that only looks alike, such as another take of the scene, is told as that. Exit code 0 whether "
     "something was found or not; see --json to act on it.",
     "  likeness search seen-on-the-web.mp4\n  likeness search frame.jpg --json --project film-x\n", OPTIONS(search_options),
     CLI_PROJECT | CLI_LONG, cmd_search},
    {"registry add", "Examine", "FILE|FOLDER...", 1, -1, "register clips, pictures and sounds so that copies of them are found",
     "Reads each file once and keeps hashes of its looks, motion and sound, not the file. Outputs are registered when they are "
     "made. Files that cannot be read are skipped and named; Ctrl-C keeps what is done, and the same command goes on.",
     "  likeness registry add rushes/\n  likeness registry add scene.mp4 poster.jpg voice.wav\n", NO_OPTIONS,
     CLI_PROJECT_CREATE | CLI_LONG, cmd_registry_add},
    {"registry list", "Examine", "", 0, 0, "list what is registered", NULL, "  likeness registry list\n  likeness registry list --json\n",
     OPTIONS(registry_list_options), CLI_PROJECT, cmd_registry_list},
    {"registry remove", "Examine", "FILE", 1, 1, "no longer watch for copies of a file",
     "FILE is the path it was registered under, or its SHA-256 (8 digits or more). Outputs of the project stay registered: their "
     "hidden marks lead to these rows.",
     "  likeness registry remove rushes/scene-4.mp4\n  likeness registry remove 5f0c77aa\n", NO_OPTIONS, CLI_PROJECT, cmd_registry_remove},

    {"trace", "Examine", "FILE", 1, 1, "show everything a file came from and everything made from it",
     "Works from any clip, dataset, model or picture of the project by its bytes, and from a changed copy by its manifest, hidden mark or "
     "looks. A name of a model or a SHA-256 will do too.",
     "  likeness trace out.mp4\n  likeness trace ada-on-bob --picture lineage.png\n", OPTIONS(trace_options), CLI_PROJECT | CLI_LONG,
     cmd_trace},
    {"takedown", "Examine", "FILE", 1, 1, "from a found file to its consent and a report to send",
     "Reads every mark of the file, finds the work, the consent and the job behind it, and writes a report: who made it, under which "
     "record, whether that still stands, and a letter to a platform. Exits as verify does.",
     "  likeness takedown found.mp4 --out report.txt\n", OPTIONS(takedown_options), CLI_PROJECT_MAYBE | CLI_LONG, cmd_takedown},

    {"bench", "For engineers", "NAME", 0, 1, "measure quality and speed; without a name: list the benches", NULL,
     "  likeness bench train\n  likeness bench face --csv bench/results/face.csv\n  likeness bench swap --only A-B --minutes 20\n",
     OPTIONS(bench_options), CLI_LONG | CLI_MAKES_MEDIA, cmd_bench},
    {"completion", "For engineers", "bash|zsh|fish", 1, 1, "print a completion script for the shell", NULL,
     "  source <(likeness completion bash)\n", NO_OPTIONS, 0, cmd_completion},
    {"manual", "For engineers", "", 0, 0, "print the man page (roff)", NULL, "  likeness manual | man -l -\n", NO_OPTIONS, 0, cmd_manual},
};
const int cli_command_count = CLI_COUNT(cli_commands);

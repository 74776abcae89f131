/* keys.h: who signs. A signing identity is a folder:
 *
 *   signer.pem   the leaf's private key (encrypted) and its chain, leaf first, root not included
 *   root.key     the root's private key (encrypted); absent when the certificates are the user's own
 *   root.pem     the root's certificate: what others need in order to trust the signer
 *   trust/       further roots that this studio trusts, one PEM file each
 *   tsa          the address of a time-stamp server, absent = none
 *   old/         what rotation and replacement took out of use; its roots stay trusted
 *
 * Private keys are never on disk in the clear. Their passphrase is the user's (a file, or typed), or a random
 * one that is kept outside this folder, mode 0600, in the user's configuration: a copied project folder signs
 * nothing. A demo identity says in its certificates' names that it is one, and c2pa_signer.demo is read off
 * those names.
 */
#ifndef LK_KEYS_H
#define LK_KEYS_H

#include "mark/c2pa/c2pa.h"

#define LK_KEYS_DEMO_NAME "Likeness DEMO key - not a real signer"
#define LK_KEYS_PASSPHRASE_MAX 1024

/* Asks a person for a passphrase: true and out filled, or false. again: a new one, to be typed twice. */
typedef bool (*lk_keys_ask_fn)(void *user, const char *what, bool again, char out[LK_KEYS_PASSPHRASE_MAX]);

/* Where the passphrase comes from: file, else the random one, else the file named by
 * LIKENESS_PASSPHRASE_FILE, else ask. For a new identity: file, else that environment variable, else ask when
 * ask_new, else a random one. */
typedef struct lk_keys_pass {
    const char *file;
    lk_keys_ask_fn ask;
    void *ask_user;
    bool ask_new;
} lk_keys_pass;

typedef struct lk_keys_info {
    lk_cert_info leaf, root;
    bool has_root, can_rotate, demo;
    int chain_count;
    bool random_passphrase;
    char passphrase_file[1024]; /* of a random passphrase */
    char tsa[512];              /* "" = none */
} lk_keys_info;

/* The user's own folders: $XDG_CONFIG_HOME/likeness or ~/.config/likeness, plus /name. Not made here. */
lk_status lk_keys_config(const char *name, char out[1024], lk_error *err);

/* --- making and changing: each atomic, one process at a time ----------------------------------- */

typedef struct lk_keys_spec {
    lk_cert_name name; /* of the signer; the root's name is the same with "root" */
    lk_pk_alg alg;     /* ES256 or EdDSA */
    int root_days, leaf_days;
    bool replace; /* an identity that is there goes to old/; a demo one does so anyway */
} lk_keys_spec;
/* LK_E_STATE when there is one already. */
lk_status lk_keys_make(const char *dir, const lk_keys_spec *spec, const lk_keys_pass *pass, lk_error *err);
/* The demo identity when dir holds none at all; nothing when it holds one. */
lk_status lk_keys_make_demo(const char *dir, lk_error *err);
/* One's own certificate: chain_path is PEM, the signer's first (a self-signed root at its end becomes root.pem);
 * key_path its private key, opened by key_pass_file (NULL: it is not encrypted, or pass asks). The chain must fit
 * the C2PA profile and be in date. */
lk_status lk_keys_import(const char *dir, const char *chain_path, const char *key_path,
                         const char *key_pass_file, bool replace, const lk_keys_pass *pass, lk_error *err);
/* A new leaf by the same root and passphrase; the old certificate goes to old/, its key is destroyed. */
lk_status lk_keys_rotate(const char *dir, int leaf_days, const lk_keys_pass *pass, lk_error *err);
/* Trust the certificates of a PEM file as issuers; count gets how many. */
lk_status lk_keys_trust(const char *dir, const char *pem_path, int *count, lk_error *err);
/* url NULL = off. */
lk_status lk_keys_set_tsa(const char *dir, const char *url, lk_error *err);

/* --- using --------------------------------------------------------------------------------------- */

bool lk_keys_exist(const char *dir);
/* Needs no passphrase. LK_E_NOTFOUND when there is no identity. */
lk_status lk_keys_look(const char *dir, lk_keys_info *out, lk_error *err);

/* Trusted issuers: the identity's own root, old ones, and those of trust/. Folders that are absent add
 * nothing; a damaged file is an error that names it. */
typedef struct lk_anchors {
    lk_der *list;
    int count;
} lk_anchors; /* {0} is empty */
lk_status lk_keys_anchors(const char *dir, lk_anchors *add_to, lk_error *err);
void lk_anchors_clear(lk_anchors *a);

typedef struct lk_keys lk_keys; /* an identity that can sign; the private key is in memory, wiped at close */
lk_status lk_keys_open(const char *dir, const lk_keys_pass *pass, lk_keys **out, lk_error *err);
void lk_keys_close(lk_keys **k);
const lk_cert_info *lk_keys_who(const lk_keys *k);
/* Everything in out points into k. Refuses (LK_E_MARK) when the certificate is not in date now. */
lk_status lk_keys_signer(const lk_keys *k, c2pa_signer *out, lk_error *err);

#endif

/* keys_impl.h: what the keys_*.c share: where things lie and how a passphrase is found. */
#ifndef LK_KEYS_IMPL_H
#define LK_KEYS_IMPL_H

#include "mark/keys.h"

enum { KEYS_CHAIN_MAX = 9, KEYS_FILE_MAX = 1 << 20 };

/* How a key file says that its passphrase is found; the first lines of signer.pem and root.key. */
typedef enum pass_kind {
    PASS_OWN,    /* the user's: a file or typed */
    PASS_RANDOM, /* in the user's configuration, under id */
    PASS_BESIDE  /* a demo's, where there is no place for a configuration: in the folder itself */
} pass_kind;
typedef struct pass_note {
    pass_kind kind;
    char id[33];
} pass_note;

#define KEYS_NO_MEMORY(err) LK_FAIL((err), LK_E_NOMEM, "no memory for the signing keys; close other programs")

/* keys_pass.c */
/* "likeness signing key 1\npassphrase: random 0123...\n" */
void pass_note_write(const pass_note *note, lk_text *out);
bool pass_note_read(const char *text, pass_note *out);
/* The path of a random passphrase. */
lk_status pass_path(const char *dir, const pass_note *note, char out[1024], lk_error *err);
/* An existing identity's passphrase. */
lk_status pass_find(const char *dir, const pass_note *note, const lk_keys_pass *from,
                    char out[LK_KEYS_PASSPHRASE_MAX], lk_error *err);
/* A new identity's; a random one is written to its place first. demo: may lie beside the keys. */
lk_status pass_new(const char *dir, const lk_keys_pass *from, bool demo, pass_note *note,
                   char out[LK_KEYS_PASSPHRASE_MAX], lk_error *err);
/* The first line of a file that only its owner may read. */
lk_status pass_read(const char *path, char out[LK_KEYS_PASSPHRASE_MAX], lk_error *err);

/* keys.c */
/* A private text file of the identity, NUL-terminated; refuses one that others may read. lk_wipe and lk_free
 * it. */
lk_status keys_read_private(const char *path, char **text, size_t *n, lk_error *err);
/* A PEM file's certificates, at most max. */
lk_status keys_read_certs(const char *path, lk_der *certs, int max, int *count, lk_error *err);
void keys_free_certs(lk_der *certs, int count);
bool keys_is_demo(const lk_cert_info *leaf);

#endif

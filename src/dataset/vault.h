/* vault.h: tensors that hold a likeness, on the disk: safetensors (nn/) inside a container that is bound to consent
 * (consent/bind.h). Datasets, models and checkpoints are written and read through here.
 */
#ifndef LK_DATASET_VAULT_H
#define LK_DATASET_VAULT_H

#include "consent/bind.h"
#include "nn/nn.h"

/* Write atomically. what: parents and detail of the header; its content is the SHA-256 of the tensors' data. hash (may
 * be NULL) gets that of the file. */
lk_status lk_vault_write(const lk_bind_key *k, const char *path, const lk_bind_info *what, const lk_named_tensor *t,
                         int count, const char *metadata_json, lk_hash *hash, lk_error *err);
/* Grants as lk_bind_read wants them. info may be NULL. LK_E_FORMAT also for a plain file: those hold nobody's consent. */
lk_status lk_vault_open(const char *path, const lk_grant *const *grants, int count, lk_bind_info *info,
                        lk_safetensors **out, lk_error *err);

/* The checkpoints of one training, all under one key. grants must outlive it. */
typedef struct lk_checkpoint_vault {
    lk_vault vault;         /* for lk_checkpoint_save_in and lk_checkpoint_load_from */
    const char *kind, *path;
    const lk_grant *const *grants;
    int grant_count;
    lk_bind_info *what;     /* parents and detail, filled in by the caller */
    lk_bind_key *key;       /* of the file that was loaded; else made at the first save */
    lk_bind_writer *writer;
} lk_checkpoint_vault;
lk_status lk_checkpoint_vault_open(lk_checkpoint_vault *v, const char *kind, const char *path, const lk_grant *const *grants,
                                   int count, lk_error *err);
void lk_checkpoint_vault_close(lk_checkpoint_vault *v); /* a zeroed one is fine */

#endif

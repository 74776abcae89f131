/* outputs.c: everything that was made with a person's likeness. */
#include "studio/lineage.h"

#include <stdio.h>
#include <string.h>

typedef struct listing {
    lk_project *p;
    lk_line_fn out;
    void *user;
    bool json;
    lk_text t;
    int64_t counts[4];        /* by lk_file_state, of outputs */
    int64_t shown;
} listing;

/* A preview is written over and over: only the newest of them is still to be found. */
static bool passing(const lk_asset *a, lk_file_state s)
{
    return s == LK_FILE_CHANGED && !strncmp(a->note, "training preview", 16);
}

static lk_status show(void *user, const lk_asset *a)
{
    listing *l = user;
    char hex[LK_HASH_HEX], when[32], where[1024];
    if (!strcmp(a->kind, "media")) return LK_OK; /* their own footage was not made */
    lk_file_state s = lk_file_look(l->p, a, where);
    if (passing(a, s)) return LK_OK;
    if (!strcmp(a->kind, "output")) l->counts[s]++;
    l->shown++;
    lk_hash_hex(&a->hash, hex);
    lk_time_iso(a->created, when);
    if (!l->json) {
        lk_text_add(&l->t, "%s  %-8s %-8s %.16s  %s%s%s", when, a->kind, lk_file_state_word(s), hex, *where ? where : "(no name is kept)",
                    *a->note ? "  " : "", a->note);
        if (!l->t.failed) l->out(l->user, l->t.s);
        l->t.len = 0;
        return LK_OK;
    }
    lk_text_add(&l->t, "%s{\"made\":\"%s\",\"kind\":\"%s\",\"state\":\"%s\",\"sha256\":\"%s\",\"path\":", l->shown > 1 ? "," : "", when,
                a->kind, lk_file_state_word(s), hex);
    lk_json_quote(&l->t, where);
    lk_text_add(&l->t, ",\"note\":");
    lk_json_quote(&l->t, a->note);
    lk_text_add(&l->t, "}");
    return LK_OK;
}

lk_status lk_people_outputs(lk_project *p, const char *name, bool json, lk_line_fn out, void *user, lk_error *err)
{
    lk_subject who;
    listing l = {.p = p, .out = out, .user = user, .json = json};
    LK_TRY(lk_subject_find(p->registry, name, &who, err));
    if (json) {
        lk_text_add(&l.t, "{\"subject\":\"%s\",\"name\":", who.id);
        lk_json_quote(&l.t, who.name);
        lk_text_add(&l.t, ",\"made\":[");
    }
    lk_status s = lk_asset_of_subject(p->registry, who.id, show, &l, err);
    if (s == LK_OK && json) {
        lk_text_add(&l.t, "]}");
        if (!l.t.failed) out(user, l.t.s);
    } else if (s == LK_OK && l.shown) {
        lk_text_add(&l.t, "%lld made clips and pictures of %s: %lld there, %lld replaced, %lld gone, %lld erased",
                    (long long)(l.counts[0] + l.counts[1] + l.counts[2] + l.counts[3]), who.name, (long long)l.counts[LK_FILE_THERE],
                    (long long)l.counts[LK_FILE_CHANGED], (long long)l.counts[LK_FILE_GONE], (long long)l.counts[LK_FILE_FORGOTTEN]);
        if (!l.t.failed) out(user, l.t.s);
    } else if (s == LK_OK) {
        lk_text_add(&l.t, "nothing was made with the likeness of %s", who.name);
        if (!l.t.failed) out(user, l.t.s);
    }
    if (s == LK_OK && l.t.failed) s = LK_FAIL(err, LK_E_NOMEM, "no memory to list what was made of %s", who.name);
    lk_text_clear(&l.t);
    return s;
}

/* copies_search.c: what a file is a copy of, in words and as JSON. */
#include "mark/copies/copies.h"
#include "studio/studio.h"

#include <stdio.h>
#include <string.h>

enum { MAX_MATCHES = 20 };

static const char *view_words(int view)
{
    static const char *const words[8] = {"", "turned by 90 degrees", "turned by 180 degrees", "turned by 270 degrees",
                                         "mirrored", "upside down and mirrored", "turned and mirrored", "turned and mirrored"};
    return words[view & 7];
}

static void add_source(lk_text *t, const lk_copy_entry *e)
{
    char when[32];
    lk_time_iso(e->created, when);
    bool output = !strcmp(e->kind, "output");
    lk_text_add(t, "%s (%s %.10s)", e->path, output ? "output of this project, made" : "registered", when);
}

/* ": seconds 3.0-9.5 of it match seconds 12.0-18.5; 28 of 31 moments; mirrored" */
static void add_where(lk_text *t, const lk_copy_match *m)
{
    const char *sep = ": ";
    double length = m->query_end - m->query_begin;
    if (length > 0.2) {
        lk_text_add(t, "%sseconds %.1f-%.1f of it match seconds %.1f-%.1f", sep, m->query_begin, m->query_end, m->entry_begin,
                    m->entry_begin + length * m->speed);
        sep = "; ";
    } else if (m->entry.duration > 0.2) {
        lk_text_add(t, "%sthe picture at second %.1f", sep, m->entry_begin);
        sep = "; ";
    }
    if (m->of > 1) {
        lk_text_add(t, "%s%d of %d moments", sep, m->hits, m->of);
        sep = "; ";
    } else if (m->by_looks) {
        lk_text_add(t, "%s%.0f of 256 bits differ", sep, m->distance);
        sep = "; ";
    }
    if (m->turned) {
        lk_text_add(t, "%s%s", sep, view_words(m->view));
        sep = "; ";
    }
    if (m->zoom > 0 && m->zoom < 0.97) {
        lk_text_add(t, "%scropped to %.0f %%", sep, m->zoom * 100);
        sep = "; ";
    }
    if (m->speed > 1.02 || m->speed < 0.98) {
        lk_text_add(t, "%srun at %.0f %% of the speed", sep, m->speed * 100);
        sep = "; ";
    }
    if (m->by_sound) lk_text_add(t, "%s%s", sep, m->by_looks && m->level >= LK_COPY_SURE ? "its sound too" : "by its sound");
}

static void match_words(const char *name, const lk_copy_match *m, lk_text *t)
{
    switch (m->level) {
    case LK_COPY_SAME:
        lk_text_add(t, "%s is byte for byte ", name);
        add_source(t, &m->entry);
        return;
    case LK_COPY_SURE:
        lk_text_add(t, "%s is very likely a copy or an edit of ", name);
        add_source(t, &m->entry);
        add_where(t, m);
        return;
    default:
        lk_text_add(t, "%s looks like ", name);
        add_source(t, &m->entry);
        lk_text_add(t, m->motion != 0 ? ", but it moves differently: perhaps another take of the same scene"
                                      : ", but there is too little to tell a copy from another take");
        add_where(t, m);
    }
}

static void match_json(const lk_copy_match *m, lk_text *t)
{
    char when[32], hex[LK_HASH_HEX];
    lk_time_iso(m->entry.created, when);
    lk_hash_hex(&m->entry.file, hex);
    lk_text_add(t, "{\"level\":\"%s\",\"path\":", lk_copy_level_name(m->level));
    lk_json_quote(t, m->entry.path);
    lk_text_add(t, ",\"sha256\":\"%s\",\"kind\":\"%s\",\"created\":\"%s\",\"manifest\":", hex, m->entry.kind, when);
    lk_json_quote(t, m->entry.manifest);
    const struct { const char *name; double value; } figures[] = {
        {"share", m->share}, {"query_begin", m->query_begin}, {"query_end", m->query_end}, {"entry_begin", m->entry_begin},
        {"speed", m->speed}, {"zoom", m->zoom}, {"distance", m->distance}, {"motion", m->motion}, {"sound_errors", m->sound_errors},
        {"moments_found", m->hits}, {"moments", m->of},
    };
    for (size_t i = 0; i < LK_COUNT(figures); i++) {
        lk_text_add(t, ",\"%s\":", figures[i].name);
        lk_json_add_number(t, figures[i].value);
    }
    lk_text_add(t, ",\"view\":%d,\"by_looks\":%s,\"by_sound\":%s}", m->view, m->by_looks ? "true" : "false", m->by_sound ? "true" : "false");
}

static lk_status tell(const char *path, const lk_hash *hash, const lk_copy_match *m, int count, int64_t files, bool json, lk_line_fn out,
                      void *user, lk_error *err)
{
    lk_text t = {0};
    char hex[LK_HASH_HEX];
    lk_hash_hex(hash, hex);
    if (json) {
        lk_text_add(&t, "{\"file\":");
        lk_json_quote(&t, path);
        lk_text_add(&t, ",\"sha256\":\"%s\",\"registered\":%lld,\"matches\":[", hex, (long long)files);
        for (int i = 0; i < count; i++) {
            if (i) lk_text_add(&t, ",");
            match_json(&m[i], &t);
        }
        lk_text_add(&t, "]}");
    } else if (!count) {
        lk_text_add(&t, files ? "nothing like %s is registered here (%lld files were compared)" : "nothing like %s is registered here: nothing is "
                    "registered yet", lk_path_base(path), (long long)files);
    }
    if (!t.failed && t.s) out(user, t.s);
    for (int i = 0; i < count && !json && !t.failed; i++) {
        lk_text_clear(&t);
        match_words(lk_path_base(path), &m[i], &t);
        if (!t.failed && t.s) out(user, t.s);
    }
    lk_status s = t.failed ? LK_FAIL(err, LK_E_NOMEM, "no memory to tell what %s is like", path) : LK_OK;
    lk_text_clear(&t);
    return s;
}

typedef struct reading {
    lk_meter meter;
    bool begun;
    const lk_progress_sink *sink;
} reading;

static void watch(void *user, double seconds, double duration)
{
    reading *r = user;
    if (!r->begun) lk_meter_init(&r->meter, r->sink, "read", "s", (int64_t)(duration + 0.5));
    r->begun = true;
    lk_meter_set(&r->meter, (int64_t)seconds, NULL);
}

lk_status lk_copies_job_search(lk_project *p, const char *path, bool json, int *found, lk_line_fn out, void *user,
                               const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_copies *c = NULL;
    lk_copies_hashes *h = NULL;
    lk_hash hash;
    reading r = {.sink = progress};
    int count = 0;
    int64_t files = 0;
    lk_copy_match *m = lk_calloc(MAX_MATCHES, sizeof *m);
    if (found) *found = 0;
    if (!m) return LK_FAIL(err, LK_E_NOMEM, "no memory to look for copies of %s", path);
    lk_status s;
    LK_GOTO(done, lk_hash_file(path, &hash, err));
    LK_GOTO(done, lk_copies_hashes_watch(path, &h, watch, &r, cancel, err));
    if (r.begun) lk_meter_finish(&r.meter, NULL);
    s = lk_copies_open(p->dir, false, &c, err);
    if (s == LK_OK) s = lk_copies_count(c, &files, err);
    if (s == LK_OK) s = lk_copies_search(c, h, &hash, m, MAX_MATCHES, &count, err);
    if (s == LK_E_NOTFOUND) s = LK_OK; /* no registry yet: nothing is in it */
    if (s == LK_OK) s = tell(path, &hash, m, count, files, json, out, user, err);
    for (int i = 0; i < count && found; i++) *found += m[i].level >= LK_COPY_SURE;
done:
    lk_copies_hashes_free(&h);
    lk_copies_close(&c);
    lk_free(m);
    return s;
}

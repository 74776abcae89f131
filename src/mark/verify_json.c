/* verify_json.c: the same report as one JSON object, for programs. */
#include <string.h>

#include "mark/read.h"

static void pair(lk_text *t, const char *key, const char *value)
{
    lk_text_add(t, ",\"%s\":", key);
    if (value) lk_json_quote(t, value);
    else lk_text_add(t, "null");
}

static void mark_json(const char *key, bool looked, const wm_found *w, lk_text *t)
{
    lk_text_add(t, ",\"%s\":{\"looked\":%s,\"found\":%s", key, looked ? "true" : "false", w->found ? "true" : "false");
    if (w->found) {
        lk_text_add(t, ",\"id\":\"%016llx\",\"z\":", (unsigned long long)w->id);
        lk_json_add_number(t, w->z);
        lk_text_add(t, ",\"bit_errors\":");
        lk_json_add_number(t, w->errors);
        lk_text_add(t, ",\"scale\":");
        lk_json_add_number(t, w->scale);
        lk_text_add(t, ",\"begin\":");
        lk_json_add_number(t, w->begin);
        lk_text_add(t, ",\"end\":");
        lk_json_add_number(t, w->end);
    }
    lk_text_add(t, "}");
}

static void entry_json(const lk_copy_entry *e, lk_text *t)
{
    char hex[LK_HASH_HEX], when[32];
    lk_hash_hex(&e->file, hex);
    lk_time_iso(e->created, when);
    lk_text_add(t, "{\"sha256\":\"%s\"", hex);
    pair(t, "path", e->path);
    pair(t, "kind", e->kind);
    pair(t, "manifest", *e->manifest ? e->manifest : NULL);
    pair(t, "created", when);
    lk_text_add(t, "}");
}

static void copy_json(const lk_copy_match *c, lk_text *t)
{
    lk_text_add(t, "{\"entry\":");
    entry_json(&c->entry, t);
    lk_text_add(t, ",\"exact\":%s,\"share\":", c->exact ? "true" : "false");
    lk_json_add_number(t, c->share);
    lk_text_add(t, ",\"distance\":");
    lk_json_add_number(t, c->distance);
    lk_text_add(t, ",\"query_begin\":");
    lk_json_add_number(t, c->query_begin);
    lk_text_add(t, ",\"query_end\":");
    lk_json_add_number(t, c->query_end);
    lk_text_add(t, ",\"entry_begin\":");
    lk_json_add_number(t, c->entry_begin);
    lk_text_add(t, ",\"turned\":%s,\"by_sound\":%s}", c->turned ? "true" : "false", c->by_sound ? "true" : "false");
}

void lk_verify_json(const lk_verify_report *r, lk_text *t)
{
    char hex[LK_HASH_HEX];
    lk_hash_hex(&r->sha256, hex);
    lk_text_add(t, "{\"file\":");
    lk_json_quote(t, r->path);
    pair(t, "kind", *r->kind ? r->kind : NULL);
    pair(t, "sha256", hex);
    lk_text_add(t, ",\"size\":%llu", (unsigned long long)r->size);
    pair(t, "outcome", lk_origin_outcome_name(r->outcome));
    lk_text_add(t, ",\"c2pa\":");
    if (r->c2pa_supported) c2pa_report_json(&r->c2pa, t);
    else lk_text_add(t, "null");
    mark_json("watermark_picture", r->looked_at_picture, &r->picture, t);
    mark_json("watermark_sound", r->looked_at_sound, &r->sound, t);
    lk_text_add(t, ",\"made_here\":");
    if (r->mark_known) entry_json(&r->marked, t);
    else lk_text_add(t, "null");
    lk_text_add(t, ",\"registry\":%s,\"copies\":[", r->has_registry ? "true" : "false");
    for (int i = 0; i < r->copy_count; i++) {
        if (i) lk_text_add(t, ",");
        copy_json(&r->copies[i], t);
    }
    lk_text_add(t, "],\"consent\":[");
    for (int i = 0; i < r->record_count; i++) {
        const lk_verify_record *v = &r->records[i];
        lk_hash_hex(&v->hash, hex);
        lk_text_add(t, "%s{\"hash\":\"%s\"", i ? "," : "", hex);
        pair(t, "record", v->known ? v->id : NULL);
        pair(t, "state", v->known ? v->state : NULL);
        lk_text_add(t, "}");
    }
    lk_text_add(t, "]}");
}

/* kept.h: the rows of test_rules.c about ingredients that carry manifests: child's manifest stands before f's. */
#ifndef LK_TESTS_C2PA_KEPT_H
#define LK_TESTS_C2PA_KEPT_H

/* --- ingredients -------------------------------------------------------------------------- */

typedef struct linked {
    bool results, bad_hash, bad_signature, no_signature;
    const char *record, *relation, *url;
    enum { WHOLE, BLANK, CUT, CHANGED } note; /* what is done to child's org.example.note after it was linked */
    bool redact;                              /* and f says so */
} linked;

static const jumbf_box *inside(const jumbf_box *b, const char *label)
{
    for (b = b->child; b && strcmp(b->label, label);) b = b->next;
    return b;
}

static void shrink(lk_bytes *o, const jumbf_box *b, size_t by)
{
    put_be32(o->b + (b->start - o->b), (uint32_t)(b->size - by));
}

/* The manifest's assertion loses its content or its box. */
static void redact(lk_bytes *o, const jumbf_box *manifest, int how)
{
    const jumbf_box *parts = inside(manifest, "c2pa.assertions"), *note = inside(parts, "org.example.note");
    size_t at = (size_t)(note->start - o->b), content = (size_t)(note->child->data - o->b);
    if (how == BLANK) memset(o->b + content, 0, note->child->n);
    if (how == CHANGED) o->b[(size_t)(inside(parts, "c2pa.actions.v2")->child->data - o->b) + 20] ^= 1;
    if (how != CUT) return;
    shrink(o, manifest, note->size);
    shrink(o, parts, note->size);
    memmove(o->b + at, o->b + at + note->size, o->len - at - note->size);
    o->len -= note->size;
}

/* child's manifest goes before f's; its link into an ingredient assertion of f. */
static void link_child(const linked *how, bool open)
{
    lk_bytes *o;
    if (!child.part[child.count - 1].binding) { /* any binding will do: an ingredient's is not judged */
        forge_binding(&child, NULL, NULL, add_part(&child, "c2pa.hash.data"));
        child.part[child.count - 1].binding = true;
    }
    forge_start(&f, &ann, !open);
    size_t at = f.before.len;
    lk_bytes_add(&f.before, child.before.b, child.before.len);
    at = f.before.len;
    forge_manifest(&child, &f.before);
    jumbf_box *box = NULL;
    lk_arena *arena = NULL;
    lk_error err = {0};
    CHECK_OK(lk_arena_new(&arena, 4096), &err);
    CHECK_OK(jumbf_parse(f.before.b + at, f.before.len - at, arena, &box, &err), &err);
    const jumbf_box *signature = box->child;
    while (signature->next) signature = signature->next;
    lk_hash mine = lk_hash_bytes(box->data, box->n), its = lk_hash_bytes(signature->data, signature->n);
    mine.b[3] ^= how->bad_hash;
    its.b[3] ^= how->bad_signature;
    char url[240], signature_url[300];
    snprintf(url, sizeof url, "self#jumbf=/c2pa/%s", child.label);
    snprintf(signature_url, sizeof signature_url, "%s/c2pa.signature", url);
    o = add_part(&f, "c2pa.ingredient.v3");
    lk_cbor_map(o, 2u + !how->no_signature + how->results);
    entry(o, "relationship", how->relation ? how->relation : open ? "parentOf" : "componentOf");
    lk_cbor_text(o, "activeManifest");
    c2pa_write_link(o, how->url ? how->url : url, &mine, true);
    if (!how->no_signature) {
        lk_cbor_text(o, "claimSignature");
        c2pa_write_link(o, signature_url, &its, true);
    }
    if (how->results) {
        lk_cbor_text(o, "validationResults");
        lk_cbor_map(o, 1);
        lk_cbor_text(o, "activeManifest");
        lk_cbor_map(o, 3);
        lk_cbor_text(o, "success");
        lk_cbor_array(o, 0);
        lk_cbor_text(o, "informational");
        lk_cbor_array(o, 0);
        lk_cbor_text(o, "failure");
        lk_cbor_array(o, how->record ? 1 : 0);
        if (how->record) {
            lk_cbor_map(o, 2);
            entry(o, "code", how->record);
            if (!strcmp(how->record, "claimSignature.mismatch")) {
                entry(o, "url", signature_url);
            } else {
                lk_cbor_text(o, "url");
                lk_text t = {0};
                lk_text_add(&t, "%s/c2pa.assertions/c2pa.actions.v2", url);
                lk_cbor_text(o, t.s);
                lk_text_clear(&t);
            }
        }
    }
    if (open) {
        lk_bytes *a = add_part(&f, "c2pa.actions.v2");
        lk_bytes box_bytes = {0};
        size_t b = jumbf_open(&box_bytes, "cbor", "c2pa.ingredient.v3");
        jumbf_content(&box_bytes, "cbor", o->b, o->len);
        jumbf_close(&box_bytes, b);
        lk_hash h = lk_hash_bytes(box_bytes.b + 8, box_bytes.len - 8);
        lk_bytes_clear(&box_bytes);
        open_actions(a, 1);
        action(a, "c2pa.opened", NULL, 1);
        lk_cbor_text(a, "parameters");
        lk_cbor_map(a, 1);
        lk_cbor_text(a, "ingredients");
        lk_cbor_array(a, 1);
        c2pa_write_link(a, "self#jumbf=c2pa.assertions/c2pa.ingredient.v3", &h, false);
    }
    if (how->redact) {
        static char note_url[300];
        snprintf(note_url, sizeof note_url, "%s/c2pa.assertions/org.example.note", url);
        f.redacted = note_url;
    }
    if (how->note) redact(&f.before, box, how->note);
    lk_arena_free(arena);
}

static void start_child(void) { forge_start(&child, &ann, true); }
#define LINKED(...) (&(linked){__VA_ARGS__})
static void kept(void) { start_child(); link_child(LINKED(.results = true), false); }
static void opened(void) { start_child(); link_child(LINKED(.results = true), true); }
static void opened_component(void) { start_child(); link_child(LINKED(.results = true, .relation = "componentOf"), true); }
static void no_results(void) { start_child(); link_child(LINKED(0), false); }
static void kept_unsigned(void) { start_child(); link_child(LINKED(.results = true, .no_signature = true), false); }
static void kept_changed(void) { start_child(); link_child(LINKED(.results = true, .bad_hash = true), false); }
static void kept_resigned(void) { start_child(); link_child(LINKED(.results = true, .bad_signature = true), false); }
static void kept_gone(void) { start_child(); link_child(LINKED(.results = true, .url = "self#jumbf=/c2pa/urn:c2pa:8d1a3b46-6f1e-4e0e-8c55-0d1d8f2a0b11"), false); }
static void kept_relative(void) { start_child(); link_child(LINKED(.results = true, .url = "self#jumbf=c2pa.assertions/x"), false); }
static void relation_wrong(void) { start_child(); link_child(LINKED(.results = true, .relation = "uncleOf"), false); }
static void kept_broken(void) { start_child(); child.edit_cose = flip; link_child(LINKED(.results = true), false); }
static void kept_recorded(void) { start_child(); child.edit_cose = flip; link_child(LINKED(.results = true, .record = "claimSignature.mismatch"), false); }
static void kept_misrecorded(void) { start_child(); child.edit_cose = flip; link_child(LINKED(.results = true, .record = "assertion.hashedURI.mismatch"), false); }
static void kept_forged_part(void) { start_child(); child.part[0].wrong_hash = true; link_child(LINKED(.results = true), false); }
static void kept_part_recorded(void) { start_child(); child.part[0].wrong_hash = true; link_child(LINKED(.results = true, .record = "assertion.hashedURI.mismatch"), false); }
static void kept_undeclared(void) { start_child(); lk_bytes *o = add_part(&child, "org.example.note"); lk_cbor_map(o, 0); child.part[1].list = UNLISTED; link_child(LINKED(.results = true), false); }
static void kept_bad_actions(void) { forge_start(&child, &ann, false); simple_actions(add_part(&child, "c2pa.actions.v2"), "c2pa.edited", NULL); link_child(LINKED(.results = true), false); }
static void kept_same_label(void) { start_child(); link_child(LINKED(.results = true), false); strcpy(f.label, child.label); }
static void kept_unlinked(void) { start_child(); link_child(LINKED(.results = true), false); lk_bytes_clear(&f.part[--f.count].content); }
static void plain_ingredient(const char *relation, bool title)
{
    lk_bytes *o = add_part(&f, f.count > 1 ? "c2pa.ingredient.v3__1" : "c2pa.ingredient.v3");
    lk_cbor_map(o, title ? 2 : 1);
    if (relation) entry(o, "relationship", relation);
    else entry(o, "dc:format", "image/png");
    if (title) entry(o, "dc:title", "a picture");
}
static void unmarked(void) { fresh(); plain_ingredient("componentOf", true); }
static void input_to(void) { fresh(); plain_ingredient("inputTo", false); }
static void unrelated(void) { fresh(); plain_ingredient(NULL, false); }
static void two_parents(void) { fresh(); plain_ingredient("parentOf", false); plain_ingredient("parentOf", true); }

static void chain_of(int depth)
{
    start_child();
    for (int i = 1; i < depth; i++) {
        link_child(LINKED(.results = true), false);
        forge_clear(&child);
        child = f;
    }
    link_child(LINKED(.results = true), false);
}
static void chain_10(void) { chain_of(10); }
static void chain_64(void) { chain_of(64); }
static void chain_65(void) { chain_of(65); }

/* --- redactions --------------------------------------------------------------------------- */

static void with_note(const linked *how)
{
    start_child();
    lk_bytes *o = add_part(&child, "org.example.note");
    lk_cbor_map(o, 1);
    entry(o, "where", "a place that nobody should know");
    link_child(how, false);
}
static void redacted_blank(void) { with_note(LINKED(.results = true, .note = BLANK, .redact = true)); }
static void redacted_cut(void) { with_note(LINKED(.results = true, .note = CUT, .redact = true)); }
static void cut_unredacted(void) { with_note(LINKED(.results = true, .note = CUT)); }
static void redacted_there(void) { with_note(LINKED(.results = true, .redact = true)); }
static void redacted_unsigned(void) { with_note(LINKED(.results = true, .note = CUT, .redact = true, .no_signature = true)); }
static void redacted_changed(void) { with_note(LINKED(.results = true, .note = CHANGED, .redact = true)); }
static void redacted_wrong_signature(void) { with_note(LINKED(.results = true, .note = CUT, .redact = true, .bad_signature = true)); }

static char redacted_url[240];
static void redacts_own(void)
{
    fresh();
    snprintf(redacted_url, sizeof redacted_url, "self#jumbf=/c2pa/%s/c2pa.assertions/org.example.note", f.label);
    f.redacted = redacted_url;
}
static void redacts_actions(void) { fresh(); f.redacted = "self#jumbf=/c2pa/urn:c2pa:8d1a3b46-6f1e-4e0e-8c55-0d1d8f2a0b11/c2pa.assertions/c2pa.actions.v2"; }
static void redacts_binding(void) { fresh(); f.redacted = "self#jumbf=/c2pa/urn:c2pa:8d1a3b46-6f1e-4e0e-8c55-0d1d8f2a0b11/c2pa.assertions/c2pa.hash.data"; }

#endif

/* test_rules.c: every rule that a manifest can break, one row each: what is forged, and what judging calls it.
 *
 * `test_c2pa_rules --write FOLDER` leaves the files, root.pem and our verdicts for tools/referee instead: where a row is
 * valid here, no other reader may call it invalid.
 */
#include "forge.h"

static person ann, old;
static forge f, child;

/* --- actions ------------------------------------------------------------------------------ */

static void open_actions(lk_bytes *o, int count)
{
    lk_cbor_map(o, 1);
    lk_cbor_text(o, "actions");
    lk_cbor_array(o, (uint64_t)count);
}
static void action(lk_bytes *o, const char *name, const char *type, int more)
{
    lk_cbor_map(o, (uint64_t)(1 + (type ? 1 : 0) + more));
    entry(o, "action", name);
    if (type) entry(o, "digitalSourceType", type);
}
static void created(lk_bytes *o) { action(o, "c2pa.created", IPTC "digitalCapture", 0); }

static void fresh(void) { forge_start(&f, &ann, true); }
static void bare(void) { forge_start(&f, &ann, false); }
static lk_bytes *actions(int count)
{
    bare();
    lk_bytes *o = add_part(&f, "c2pa.actions.v2");
    open_actions(o, count);
    return o;
}

static void good(void) { fresh(); }
static void no_actions(void) { bare(); }
static void empty_actions(void) { actions(0); }
static void no_list(void) { bare(); lk_cbor_map(add_part(&f, "c2pa.actions.v2"), 0); }
static void list_is_text(void) { bare(); lk_bytes *o = add_part(&f, "c2pa.actions.v2"); lk_cbor_map(o, 1); entry(o, "actions", "x"); }
static void first_edited(void) { action(actions(1), "c2pa.edited", NULL, 0); }
static void created_untyped(void) { action(actions(1), "c2pa.created", NULL, 0); }
static void created_twice(void) { lk_bytes *o = actions(2); created(o); created(o); }
static void opened_second(void) { lk_bytes *o = actions(2); created(o); action(o, "c2pa.opened", NULL, 0); }
static void opened_nothing(void) { action(actions(1), "c2pa.opened", NULL, 0); }
static void opened_empty(void)
{
    lk_bytes *o = actions(1);
    action(o, "c2pa.opened", NULL, 1);
    lk_cbor_text(o, "parameters");
    lk_cbor_map(o, 1);
    lk_cbor_text(o, "ingredients");
    lk_cbor_array(o, 0);
}
static void action_unnamed(void) { lk_bytes *o = actions(2); created(o); lk_cbor_map(o, 1); entry(o, "description", "x"); }
static void action_empty(void) { lk_bytes *o = actions(2); created(o); action(o, "", NULL, 0); }
static void action_withdrawn(void) { lk_bytes *o = actions(2); created(o); action(o, "c2pa.printed", NULL, 0); }
static void edited_after(void) { lk_bytes *o = actions(2); created(o); action(o, "c2pa.edited", NULL, 0); }
static void own_action(void) { lk_bytes *o = actions(2); created(o); action(o, "org.example.polished", NULL, 0); }
static void translated(void) { lk_bytes *o = actions(2); created(o); action(o, "c2pa.translated", NULL, 0); }
static void translated_well(void)
{
    lk_bytes *o = actions(2);
    created(o);
    action(o, "c2pa.translated", IPTC "algorithmicMedia", 1);
    lk_cbor_text(o, "parameters");
    lk_cbor_map(o, 2);
    entry(o, "sourceLanguage", "en");
    entry(o, "targetLanguage", "de");
}
static void placed_nothing(void) { lk_bytes *o = actions(2); created(o); action(o, "c2pa.placed", NULL, 0); }
static void removed_nothing(void) { lk_bytes *o = actions(2); created(o); action(o, "c2pa.removed", NULL, 0); }
static void redacted_nothing(void)
{
    lk_bytes *o = actions(2);
    created(o);
    action(o, "c2pa.redacted", NULL, 1);
    lk_cbor_text(o, "parameters");
    lk_cbor_map(o, 1);
    entry(o, "redacted", "self#jumbf=/c2pa/urn:c2pa:8d1a3b46-6f1e-4e0e-8c55-0d1d8f2a0b11/c2pa.assertions/x");
}
static void second_assertion(void) { fresh(); lk_bytes *o = add_part(&f, "c2pa.actions.v2__1"); open_actions(o, 1); action(o, "c2pa.edited", NULL, 0); }
static void second_creates(void) { fresh(); lk_bytes *o = add_part(&f, "c2pa.actions.v2__1"); open_actions(o, 1); created(o); }
static void gathered_actions(void) { fresh(); f.part[0].list = GATHERED; }
static void params_are_text(void) { lk_bytes *o = actions(1); action(o, "c2pa.created", IPTC "digitalCapture", 1); entry(o, "parameters", "x"); }

/* --- bindings ----------------------------------------------------------------------------- */

static void no_binding(void) { fresh(); f.without = "binding"; }
static void two_bindings(void) { fresh(); f.second_binding = true; }
static void skip_early(void) { fresh(); f.skip_start = -1; f.skip_length = 1; }
static void skip_long(void) { fresh(); f.skip_length = 4; }
static void skip_short(void) { fresh(); f.skip_length = -4; }
static void skip_far(void) { fresh(); f.skip_start = 1 << 20; }
static void skip_more(void) { fresh(); f.skip_more = true; }
static void pad_dirty(void) { fresh(); f.pad_dirty = true; }
static void remote(void) { fresh(); f.remote = true; }
static void binding_md5(void) { fresh(); f.binding_alg = "md5"; }
static void binding_boxes(void)
{
    fresh();
    f.without = "binding";
    lk_bytes *o = add_part(&f, "c2pa.hash.boxes");
    lk_cbor_map(o, 1);
    lk_cbor_text(o, "boxes");
    lk_cbor_array(o, 0);
}
static void binding_bmff(void)
{
    fresh();
    f.without = "binding";
    lk_bytes *o = add_part(&f, "c2pa.hash.bmff.v3");
    lk_cbor_map(o, 3);
    lk_cbor_text(o, "exclusions");
    lk_cbor_array(o, 0);
    entry(o, "alg", "sha256");
    lk_cbor_text(o, "hash");
    lk_cbor_bytes(o, ann.chain[0].data, 32);
}
static void binding_part(void) { fresh(); lk_cbor_map(add_part(&f, "c2pa.hash.data.part"), 0); }

/* --- claims ------------------------------------------------------------------------------- */

static void no_instance(void) { fresh(); f.without = "instanceID"; }
static void no_info(void) { fresh(); f.without = "claim_generator_info"; }
static void no_name(void) { fresh(); f.without = "name"; }
static void no_signature_field(void) { fresh(); f.without = "signature"; }
static void no_list_field(void) { fresh(); f.without = "assertions"; }
static void no_alg(void) { fresh(); f.without = "alg"; }
static void alg_md5(void) { fresh(); f.alg = "md5"; }
static void alg_empty(void) { fresh(); f.alg = ""; }
static void extra_field(void) { fresh(); f.extra_key = "org.example.more"; }
static void title(void) { fresh(); f.extra_key = "dc:title"; }
static void title_number(void) { fresh(); f.numeric_title = true; }
static void v1_label(void) { fresh(); f.claim_label = "c2pa.claim"; f.part[0].list = GATHERED; }
static void v1_good(void) { bare(); f.claim_label = "c2pa.claim"; simple_actions(add_part(&f, "c2pa.actions"), "c2pa.edited", NULL); }
static void v1_two_actions(void)
{
    v1_good();
    simple_actions(add_part(&f, "c2pa.actions__1"), "c2pa.edited", NULL);
}
static void v3_label(void) { fresh(); f.claim_label = "c2pa.claim.v3"; }
static void signature_elsewhere(void) { fresh(); f.signature_url = "self#jumbf=c2pa.other"; }
static void signature_other(void) { fresh(); f.signature_url = "self#jumbf=/c2pa/urn:c2pa:8d1a3b46-6f1e-4e0e-8c55-0d1d8f2a0b11/c2pa.signature"; }
static void label_plain(void) { fresh(); strcpy(f.label, "my-manifest"); }
static void label_short(void) { fresh(); f.label[20] = '\0'; }
static void label_vendor(void) { fresh(); strcat(f.label, ":acme"); }
static void label_v1(void) { v1_good(); snprintf(f.label, sizeof f.label, "acme:urn:uuid:0b9d6d2e-8d0c-4b3a-8a43-cc3a4f7b9a51"); }

/* --- lists -------------------------------------------------------------------------------- */

static lk_bytes *other_part(const char *label) { lk_bytes *o = add_part(&f, label); lk_cbor_map(o, 1); entry(o, "a", "b"); return o; }
static void undeclared(void) { fresh(); other_part("org.example.note"); f.part[1].list = UNLISTED; }
static void declared(void) { fresh(); other_part("org.example.note"); }
static void gathered(void) { fresh(); other_part("org.example.note"); f.part[1].list = GATHERED; }
static void listed_twice(void) { fresh(); other_part("org.example.note"); f.part[1].list = TWICE; }
static void hash_wrong(void) { fresh(); f.part[0].wrong_hash = true; }
static void missing(void) { fresh(); f.list_url = "self#jumbf=c2pa.assertions/org.example.gone"; }
static void outside(void) { fresh(); f.list_url = "self#jumbf=/c2pa/urn:c2pa:8d1a3b46-6f1e-4e0e-8c55-0d1d8f2a0b11/c2pa.assertions/c2pa.actions.v2"; }
static void url_strange(void) { fresh(); f.list_url = "http://example.org/c2pa.assertions/c2pa.actions.v2"; }
static void url_no_part(void) { fresh(); f.list_url = "self#jumbf=c2pa.signature"; }
static void url_absolute(void)
{
    static char url[240];
    fresh();
    snprintf(url, sizeof url, "self#jumbf=/c2pa/%s/c2pa.assertions/c2pa.actions.v2", f.label);
    f.list_url = url;
}
static void many(int n)
{
    fresh();
    for (int i = 0; i < n; i++) {
        char label[80];
        snprintf(label, sizeof label, "org.example.note%s%.0d", i ? "__" : "", i);
        other_part(label);
    }
}
static void many_999(void) { many(998); }
static void many_1001(void) { many(1000); }
static void same_label(void) { fresh(); other_part("org.example.note"); other_part("org.example.note"); f.part[2].list = UNLISTED; }

/* --- boxes -------------------------------------------------------------------------------- */

static void no_claim(void) { fresh(); f.no_claim = true; }
static void two_claims(void) { fresh(); f.two_claims = true; }
static void no_signature(void) { fresh(); f.no_signature = true; }
static void no_parts(void) { fresh(); f.no_parts = true; }
static void bare_box(void) { fresh(); f.bare_box = true; }
static void unknown_box(void) { fresh(); f.unknown_box = true; }
static void trailing(void) { fresh(); f.trailing = true; }
static void salted(void) { fresh(); f.salted = true; }
static void compressed(void) { fresh(); f.type = "c2cm"; }
static void unknown_type(void) { fresh(); f.type = "abcd"; }
static void toggle(forge *x, lk_bytes *store) { store->b[8 + 24] ^= 4; }
static void toggles(void) { fresh(); f.edit_store = toggle; }
static void rename_store(forge *x, lk_bytes *store) { store->b[8 + 25] = 'd'; }
static void store_label(void) { fresh(); f.edit_store = rename_store; }
static void json_part(const char *text) { fresh(); lk_bytes *o = add_part(&f, "org.example.json"); f.part[1].type = "json"; lk_bytes_add(o, text, strlen(text)); }
static void json_good(void) { json_part("{\"a\":1}"); }
static void json_bad(void) { json_part("{\"a\":"); }
static void cbor_bad(void) { fresh(); lk_bytes_add(add_part(&f, "org.example.note"), "\x9f\x00", 2); }
static void cbor_zero(void) { fresh(); lk_bytes_add(add_part(&f, "org.example.note"), "\0\0\0", 3); }
static void cbor_double_key(void) { fresh(); lk_bytes_add(add_part(&f, "org.example.note"), "\xa2\x61\x61\x01\x61\x61\x02", 7); }
static void picture(void)
{
    fresh();
    lk_bytes *o = add_part(&f, "c2pa.thumbnail.claim.png");
    f.part[1].type = "file";
    jumbf_content(o, "bfdb", "\0image/png", 11);
    jumbf_content(o, "bidb", "some picture", 12);
}
static void picture_half(void) { picture(); f.part[1].content.len = 0; jumbf_content(&f.part[1].content, "bidb", "some picture", 12); }

/* --- signatures --------------------------------------------------------------------------- */

static void untag(forge *x, lk_bytes *o) { memmove(o->b, o->b + 1, --o->len); }
static void untagged(void) { fresh(); f.edit_cose = untag; }
static void other_tag(forge *x, lk_bytes *o) { o->b[0] = 0xd1; }
static void mac_tag(void) { fresh(); f.edit_cose = other_tag; }
static void more(forge *x, lk_bytes *o) { lk_bytes_zeros(o, 1); }
static void cose_trailing(void) { fresh(); f.edit_cose = more; }
static void flip(forge *x, lk_bytes *o) { o->b[o->len - 1] ^= 1; }
static void signature_bit(void) { fresh(); f.edit_cose = flip; }
static void cut_signature(forge *x, lk_bytes *o) { o->b[o->len - 65] = 63; memmove(o->b + o->len - 64, o->b + o->len - 63, 63); o->len--; }
static void signature_short(void) { fresh(); f.edit_cose = cut_signature; }

static void re_same(forge *x, lk_bytes *o) { rebuild(x, o, -7, true, false, NULL, 0, false); }
static void re_loose(forge *x, lk_bytes *o) { rebuild(x, o, -7, false, true, NULL, 0, false); }
static void re_both(forge *x, lk_bytes *o) { rebuild(x, o, -7, true, true, NULL, 0, false); }
static void re_none(forge *x, lk_bytes *o) { rebuild(x, o, -7, false, false, NULL, 0, false); }
static void re_alg(forge *x, lk_bytes *o) { rebuild(x, o, -257, true, false, NULL, 0, false); }
static void re_eddsa(forge *x, lk_bytes *o) { rebuild(x, o, -8, true, false, NULL, 0, false); }
static void re_pad(forge *x, lk_bytes *o) { rebuild(x, o, -7, true, false, "\0\0\0\0", 4, false); }
static void re_dirty(forge *x, lk_bytes *o) { rebuild(x, o, -7, true, false, "\0\0\1\0", 4, false); }
static void re_payload(forge *x, lk_bytes *o) { rebuild(x, o, -7, true, false, NULL, 0, true); }
static void cose_same(void) { fresh(); f.edit_cose = re_same; }
static void chain_loose(void) { fresh(); f.edit_cose = re_loose; }
static void chain_both(void) { fresh(); f.edit_cose = re_both; }
static void chain_none(void) { fresh(); f.edit_cose = re_none; }
static void cose_rs256(void) { fresh(); f.edit_cose = re_alg; }
static void cose_wrong_alg(void) { fresh(); f.edit_cose = re_eddsa; }
static void cose_pad(void) { fresh(); f.edit_cose = re_pad; }
static void cose_dirty(void) { fresh(); f.edit_cose = re_dirty; }
static void cose_payload(void) { fresh(); f.edit_cose = re_payload; }
static void expired(void) { forge_start(&f, &old, true); }

#include "kept.h"

/* --- updates ------------------------------------------------------------------------------ */

static void update_plain(void) { fresh(); f.type = "c2um"; }

/* child binds the file by itself (a PNG without its store is the plain PNG); f updates it. */
static void update(const linked *how)
{
    make_small(&file_a, C2PA_PNG);
    c2pa_digest d = {.n = 32};
    lk_hash h = lk_hash_bytes(file_a.b, file_a.n);
    memcpy(d.b, h.b, 32);
    forge_binding(&child, &(c2pa_range){33, 1000}, &d, add_part(&child, "c2pa.hash.data"));
    child.part[child.count - 1].binding = true;
    link_child(how, true);
    f.type = "c2um";
    f.without = "binding";
}
static void update_good(void) { start_child(); update(LINKED(.results = true)); }
static void update_wider(void) { start_child(); child.skip_length = 1; update(LINKED(.results = true)); }
static void update_elsewhere(void) { start_child(); child.skip_start = 4; update(LINKED(.results = true)); }
static void update_edits(void)
{
    start_child();
    update(LINKED(.results = true));
    lk_bytes *o = add_part(&f, "c2pa.actions.v2__1");
    open_actions(o, 1);
    action(o, "c2pa.edited", NULL, 0);
}
static void update_renames(void)
{
    start_child();
    update(LINKED(.results = true));
    lk_bytes *o = add_part(&f, "c2pa.actions.v2__1");
    open_actions(o, 1);
    action(o, "c2pa.edited.metadata", NULL, 0);
}
static void update_binds(void) { start_child(); update(LINKED(.results = true)); f.without = NULL; }
static void update_component(void) { start_child(); update(LINKED(.results = true, .relation = "componentOf")); }
static void update_changed(void) { start_child(); update(LINKED(.results = true, .bad_hash = true)); }
static void update_broken(void) { start_child(); child.edit_cose = flip; update(LINKED(.results = true)); }
static void update_recorded(void)
{
    start_child();
    child.edit_cose = flip;
    update(LINKED(.results = true, .record = "claimSignature.mismatch"));
}
static void update_twice(void)
{
    update_good();
    forge_clear(&child);
    child = f;
    child.part[child.count - 1].binding = true;
    link_child(LINKED(.results = true), true);
    f.type = "c2um";
    f.without = "binding";
}

static const struct row { const char *name; void (*make)(void); const char *code; c2pa_state state; } rows[] = {
#define GOOD_ROW(fn) {#fn, fn, NULL, C2PA_TRUSTED}
#define BAD_ROW(fn, code) {#fn, fn, code, C2PA_INVALID}
    GOOD_ROW(good),
    BAD_ROW(no_actions, "assertion.action.malformed"),
    BAD_ROW(empty_actions, "assertion.action.malformed"),
    BAD_ROW(no_list, "assertion.action.malformed"),
    BAD_ROW(list_is_text, "assertion.action.malformed"),
    BAD_ROW(first_edited, "assertion.action.malformed"),
    BAD_ROW(created_untyped, "assertion.action.malformed"),
    BAD_ROW(created_twice, "assertion.action.malformed"),
    BAD_ROW(opened_second, "assertion.action.malformed"),
    BAD_ROW(opened_nothing, "assertion.action.ingredientMismatch"),
    BAD_ROW(opened_empty, "assertion.action.ingredientMismatch"),
    BAD_ROW(action_unnamed, "assertion.action.malformed"),
    BAD_ROW(action_empty, "assertion.action.malformed"),
    BAD_ROW(action_withdrawn, "assertion.action.malformed"),
    GOOD_ROW(edited_after),
    GOOD_ROW(own_action),
    BAD_ROW(translated, "assertion.action.malformed"),
    GOOD_ROW(translated_well),
    BAD_ROW(placed_nothing, "assertion.action.ingredientMismatch"),
    BAD_ROW(removed_nothing, "assertion.action.ingredientMismatch"),
    BAD_ROW(redacted_nothing, "assertion.action.redactionMismatch"),
    GOOD_ROW(second_assertion),
    BAD_ROW(second_creates, "assertion.action.malformed"),
    GOOD_ROW(gathered_actions),
    BAD_ROW(params_are_text, "assertion.action.malformed"),
    BAD_ROW(no_binding, "claim.hardBindings.missing"),
    BAD_ROW(two_bindings, "assertion.multipleHardBindings"),
    BAD_ROW(skip_early, "assertion.dataHash.mismatch"),
    BAD_ROW(skip_long, "assertion.dataHash.mismatch"),
    BAD_ROW(skip_short, "assertion.dataHash.mismatch"),
    BAD_ROW(skip_far, "assertion.dataHash.mismatch"),
    {"skip_more", skip_more, "assertion.dataHash.additionalExclusionsPresent", C2PA_TRUSTED},
    BAD_ROW(pad_dirty, "assertion.dataHash.malformed"),
    BAD_ROW(remote, "assertion.dataHash.malformed"),
    BAD_ROW(binding_md5, "algorithm.unsupported"),
    BAD_ROW(binding_boxes, "algorithm.unsupported"),
    BAD_ROW(binding_bmff, "assertion.bmffHash.mismatch"),
    GOOD_ROW(binding_part),
    BAD_ROW(no_instance, "claim.malformed"),
    BAD_ROW(no_info, "claim.malformed"),
    BAD_ROW(no_name, "claim.malformed"),
    BAD_ROW(no_signature_field, "claim.malformed"),
    BAD_ROW(no_list_field, "claim.malformed"),
    BAD_ROW(no_alg, "algorithm.unsupported"),
    BAD_ROW(alg_md5, "algorithm.unsupported"),
    BAD_ROW(alg_empty, "algorithm.unsupported"),
    BAD_ROW(extra_field, "claim.malformed"),
    GOOD_ROW(title),
    BAD_ROW(title_number, "claim.malformed"),
    BAD_ROW(v1_label, "claim.malformed"),
    GOOD_ROW(v1_good),
    BAD_ROW(v1_two_actions, "assertion.action.malformed"),
    BAD_ROW(v3_label, "claim.malformed"),
    BAD_ROW(signature_elsewhere, "claimSignature.missing"),
    BAD_ROW(signature_other, "claimSignature.missing"),
    BAD_ROW(label_plain, "claim.malformed"),
    BAD_ROW(label_short, "claim.malformed"),
    GOOD_ROW(label_vendor),
    GOOD_ROW(label_v1),
    BAD_ROW(undeclared, "assertion.undeclared"),
    GOOD_ROW(declared),
    GOOD_ROW(gathered),
    BAD_ROW(listed_twice, "claim.malformed"),
    BAD_ROW(hash_wrong, "assertion.hashedURI.mismatch"),
    BAD_ROW(missing, "assertion.missing"),
    BAD_ROW(outside, "assertion.outsideManifest"),
    BAD_ROW(url_strange, "assertion.missing"),
    BAD_ROW(url_no_part, "assertion.missing"),
    GOOD_ROW(url_absolute),
    GOOD_ROW(many_999),
    BAD_ROW(many_1001, "claim.malformed"),
    BAD_ROW(same_label, "claim.malformed"),
    BAD_ROW(no_claim, "claim.missing"),
    BAD_ROW(two_claims, "claim.multiple"),
    BAD_ROW(no_signature, "claimSignature.missing"),
    BAD_ROW(no_parts, "claim.malformed"),
    BAD_ROW(bare_box, "claim.malformed"),
    BAD_ROW(unknown_box, "claim.malformed"),
    BAD_ROW(trailing, "claim.malformed"),
    GOOD_ROW(salted),
    BAD_ROW(compressed, "manifest.compressed.invalid"),
    BAD_ROW(unknown_type, "claim.malformed"),
    BAD_ROW(toggles, "claim.malformed"),
    BAD_ROW(store_label, "claim.missing"),
    GOOD_ROW(json_good),
    BAD_ROW(json_bad, "assertion.json.invalid"),
    BAD_ROW(cbor_bad, "assertion.cbor.invalid"),
    BAD_ROW(cbor_zero, "assertion.cbor.invalid"),
    BAD_ROW(cbor_double_key, "assertion.cbor.invalid"),
    GOOD_ROW(picture),
    BAD_ROW(picture_half, "claim.malformed"),
    BAD_ROW(untagged, "claimSignature.mismatch"),
    BAD_ROW(mac_tag, "claimSignature.mismatch"),
    BAD_ROW(cose_trailing, "claimSignature.mismatch"),
    BAD_ROW(signature_bit, "claimSignature.mismatch"),
    BAD_ROW(signature_short, "claimSignature.mismatch"),
    GOOD_ROW(cose_same),
    BAD_ROW(chain_loose, "signingCredential.invalid"),
    BAD_ROW(chain_both, "signingCredential.invalid"),
    BAD_ROW(chain_none, "signingCredential.invalid"),
    BAD_ROW(cose_rs256, "algorithm.unsupported"),
    BAD_ROW(cose_wrong_alg, "claimSignature.mismatch"),
    GOOD_ROW(cose_pad),
    BAD_ROW(cose_dirty, "claimSignature.mismatch"),
    BAD_ROW(cose_payload, "claimSignature.mismatch"),
    BAD_ROW(expired, "signingCredential.expired"),
    {"kept", kept, "ingredient.manifest.validated", C2PA_TRUSTED},
    {"opened", opened, "ingredient.claimSignature.validated", C2PA_TRUSTED},
    BAD_ROW(opened_component, "assertion.action.ingredientMismatch"),
    BAD_ROW(no_results, "assertion.ingredient.malformed"),
    GOOD_ROW(kept_unsigned),
    BAD_ROW(kept_changed, "ingredient.manifest.mismatch"),
    BAD_ROW(kept_resigned, "ingredient.claimSignature.mismatch"),
    BAD_ROW(kept_gone, "ingredient.manifest.missing"),
    BAD_ROW(kept_relative, "ingredient.manifest.missing"),
    BAD_ROW(relation_wrong, "assertion.ingredient.malformed"),
    BAD_ROW(kept_broken, "claimSignature.mismatch"),
    {"kept_recorded", kept_recorded, "claimSignature.mismatch", C2PA_TRUSTED},
    BAD_ROW(kept_misrecorded, "claimSignature.mismatch"),
    BAD_ROW(kept_forged_part, "assertion.hashedURI.mismatch"),
    {"kept_part_recorded", kept_part_recorded, "assertion.hashedURI.mismatch", C2PA_TRUSTED},
    BAD_ROW(kept_undeclared, "assertion.undeclared"),
    BAD_ROW(kept_bad_actions, "assertion.action.malformed"),
    BAD_ROW(kept_same_label, "claim.multiple"),
    {"kept_unlinked", kept_unlinked, "manifest.unreferenced", C2PA_TRUSTED},
    {"unmarked", unmarked, "ingredient.unknownProvenance", C2PA_TRUSTED},
    GOOD_ROW(input_to),
    BAD_ROW(unrelated, "assertion.ingredient.malformed"),
    BAD_ROW(two_parents, "manifest.multipleParents"),
    GOOD_ROW(chain_10),
    GOOD_ROW(chain_64),
    BAD_ROW(chain_65, "assertion.ingredient.malformed"),
    {"redacted_cut", redacted_cut, "ingredient.claimSignature.validated", C2PA_TRUSTED},
    BAD_ROW(redacted_blank, "assertion.cbor.invalid"),
    BAD_ROW(cut_unredacted, "ingredient.manifest.mismatch"),
    BAD_ROW(redacted_there, "assertion.notRedacted"),
    BAD_ROW(redacted_unsigned, "ingredient.claimSignature.missing"),
    BAD_ROW(redacted_changed, "assertion.hashedURI.mismatch"),
    BAD_ROW(redacted_wrong_signature, "ingredient.claimSignature.mismatch"),
    BAD_ROW(redacts_own, "assertion.selfRedacted"),
    BAD_ROW(redacts_actions, "assertion.action.redacted"),
    BAD_ROW(redacts_binding, "assertion.dataHash.redacted"),
    BAD_ROW(update_plain, "manifest.update.wrongParents"),
    {"update_good", update_good, "assertion.dataHash.match", C2PA_TRUSTED},
    {"update_twice", update_twice, "assertion.dataHash.match", C2PA_TRUSTED},
    GOOD_ROW(update_wider),
    GOOD_ROW(update_renames),
    BAD_ROW(update_elsewhere, "assertion.dataHash.mismatch"),
    BAD_ROW(update_edits, "manifest.update.invalid"),
    BAD_ROW(update_binds, "manifest.update.invalid"),
    BAD_ROW(update_component, "manifest.update.wrongParents"),
    BAD_ROW(update_changed, "ingredient.manifest.mismatch"),
    BAD_ROW(update_broken, "claimSignature.mismatch"),
    BAD_ROW(update_recorded, "claimSignature.mismatch"),
};

static const char *make_row(const struct row *r, const char *name)
{
    r->make();
    const char *path = forge_file(&f, name);
    forge_clear(&f);
    forge_clear(&child);
    f.count = child.count = 0;
    return path;
}

static void test_rows(void)
{
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        const char *path = make_row(&rows[i], "forged.png");
        c2pa_report r;
        lk_error err = {0};
        CHECK_OK(c2pa_verify_file(path, &ann.root, 1, 0, &r, &err), &err);
        CHECK(r.state == rows[i].state && (!rows[i].code || has_code(&r, rows[i].code)), "%s: wanted %s %s, got %s", rows[i].name,
              c2pa_state_name(rows[i].state), rows[i].code ? rows[i].code : "", verdict_text(&r));
        c2pa_report_clear(&r);
    }
}

static int write_rows(const char *folder)
{
    lk_error err = {0};
    char path[400], *pem;
    lk_der roots[2] = {ann.root, old.root};
    if (lk_cert_to_pem(roots, 2, &pem, &err) != LK_OK) return 1;
    snprintf(path, sizeof path, "%s/root.pem", folder);
    lk_file_write_atomic(path, pem, strlen(pem), &err);
    lk_free(pem);
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        void *data;
        size_t n;
        lk_file_read(make_row(&rows[i], "forged.png"), 1 << 24, &data, &n, &err);
        snprintf(path, sizeof path, "%s/%s.png", folder, rows[i].name);
        lk_file_write_atomic(path, data, n, &err);
        lk_free(data);
        printf("%s %s %s\n", path, c2pa_state_name(rows[i].state), rows[i].code ? rows[i].code : "-");
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const check_test tests[] = {{"rows", test_rows}};
    tempdir_make("c2pa-rules");
    person_make(&ann, LK_PK_ES256);
    lk_wall_time_set(1577836800); /* old's certificate was made in 2020 for a month */
    person_make(&old, LK_PK_ES256);
    lk_wall_time_set(0);
    int rc = argc == 3 && !strcmp(argv[1], "--write") ? write_rows(argv[2]) : check_main(argc, argv, tests, LK_COUNT(tests));
    person_free(&ann);
    person_free(&old);
    return tempdir_remove(rc);
}

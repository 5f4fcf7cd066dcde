//! The languages of the many-to-many checkpoints, in the order in which they are numbered behind the pieces.
//!
//! The order is that of the published vocabularies (`transformers` 5.23: `tokenization_m2m_100.py`, `tokenization_mbart50.py`,
//! `tokenization_nllb.py`); a test compares their number with the sizes of the published tables of vectors.

use crate::language::Language;

/// M2M100 and SMaLL-100; the token of `uk` is `__uk__`.
pub(super) const M2M100: &str = "\
    af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu hy \
    id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro ru \
    sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu \
";

/// mBART-50.
pub(super) const MBART50: &str = "\
    ar_AR cs_CZ de_DE en_XX es_XX et_EE fi_FI fr_XX gu_IN hi_IN it_IT ja_XX kk_KZ ko_KR lt_LT lv_LV my_MM ne_NP \
    nl_XX ro_RO ru_RU si_LK tr_TR vi_VN zh_CN af_ZA az_AZ bn_IN fa_IR he_IL hr_HR id_ID ka_GE km_KH mk_MK ml_IN \
    mn_MN mr_IN pl_PL ps_AF pt_XX sv_SE sw_KE ta_IN te_IN th_TH tl_XX uk_UA ur_PK xh_ZA gl_ES sl_SI \
";

/// NLLB-200.
pub(super) const NLLB: &str = "\
    ace_Arab ace_Latn acm_Arab acq_Arab aeb_Arab afr_Latn ajp_Arab aka_Latn amh_Ethi apc_Arab arb_Arab ars_Arab \
    ary_Arab arz_Arab asm_Beng ast_Latn awa_Deva ayr_Latn azb_Arab azj_Latn bak_Cyrl bam_Latn ban_Latn bel_Cyrl \
    bem_Latn ben_Beng bho_Deva bjn_Arab bjn_Latn bod_Tibt bos_Latn bug_Latn bul_Cyrl cat_Latn ceb_Latn ces_Latn \
    cjk_Latn ckb_Arab crh_Latn cym_Latn dan_Latn deu_Latn dik_Latn dyu_Latn dzo_Tibt ell_Grek eng_Latn epo_Latn \
    est_Latn eus_Latn ewe_Latn fao_Latn pes_Arab fij_Latn fin_Latn fon_Latn fra_Latn fur_Latn fuv_Latn gla_Latn \
    gle_Latn glg_Latn grn_Latn guj_Gujr hat_Latn hau_Latn heb_Hebr hin_Deva hne_Deva hrv_Latn hun_Latn hye_Armn \
    ibo_Latn ilo_Latn ind_Latn isl_Latn ita_Latn jav_Latn jpn_Jpan kab_Latn kac_Latn kam_Latn kan_Knda kas_Arab \
    kas_Deva kat_Geor knc_Arab knc_Latn kaz_Cyrl kbp_Latn kea_Latn khm_Khmr kik_Latn kin_Latn kir_Cyrl kmb_Latn \
    kon_Latn kor_Hang kmr_Latn lao_Laoo lvs_Latn lij_Latn lim_Latn lin_Latn lit_Latn lmo_Latn ltg_Latn ltz_Latn \
    lua_Latn lug_Latn luo_Latn lus_Latn mag_Deva mai_Deva mal_Mlym mar_Deva min_Latn mkd_Cyrl plt_Latn mlt_Latn \
    mni_Beng khk_Cyrl mos_Latn mri_Latn zsm_Latn mya_Mymr nld_Latn nno_Latn nob_Latn npi_Deva nso_Latn nus_Latn \
    nya_Latn oci_Latn gaz_Latn ory_Orya pag_Latn pan_Guru pap_Latn pol_Latn por_Latn prs_Arab pbt_Arab quy_Latn \
    ron_Latn run_Latn rus_Cyrl sag_Latn san_Deva sat_Beng scn_Latn shn_Mymr sin_Sinh slk_Latn slv_Latn smo_Latn \
    sna_Latn snd_Arab som_Latn sot_Latn spa_Latn als_Latn srd_Latn srp_Cyrl ssw_Latn sun_Latn swe_Latn swh_Latn \
    szl_Latn tam_Taml tat_Cyrl tel_Telu tgk_Cyrl tgl_Latn tha_Thai tir_Ethi taq_Latn taq_Tfng tpi_Latn tsn_Latn \
    tso_Latn tuk_Latn tum_Latn tur_Latn twi_Latn tzm_Tfng uig_Arab ukr_Cyrl umb_Latn urd_Arab uzn_Latn vec_Latn \
    vie_Latn war_Latn wol_Latn xho_Latn ydd_Hebr yor_Latn yue_Hant zho_Hans zho_Hant zul_Latn \
";

/// BCP 47 tags whose code is not that of the same letters, the best first: those of NLLB, and a few of the others.
const CODES: &[(&str, &[&str])] = &[
    ("ar", &["arb_Arab"]),
    ("az", &["azj_Latn"]),
    ("be", &["bel_Cyrl"]),
    ("bg", &["bul_Cyrl"]),
    ("bn", &["ben_Beng"]),
    ("bs", &["bos_Latn"]),
    ("ca", &["cat_Latn"]),
    ("cs", &["ces_Latn"]),
    ("cy", &["cym_Latn"]),
    ("da", &["dan_Latn"]),
    ("de", &["deu_Latn"]),
    ("el", &["ell_Grek"]),
    ("en", &["eng_Latn"]),
    ("eo", &["epo_Latn"]),
    ("es", &["spa_Latn"]),
    ("et", &["est_Latn"]),
    ("eu", &["eus_Latn"]),
    ("fa", &["pes_Arab"]),
    ("fi", &["fin_Latn"]),
    ("fil", &["tl", "tl_XX", "tgl_Latn"]),
    ("fr", &["fra_Latn"]),
    ("ga", &["gle_Latn"]),
    ("gl", &["glg_Latn"]),
    ("he", &["heb_Hebr"]),
    ("hi", &["hin_Deva"]),
    ("hr", &["hrv_Latn"]),
    ("hu", &["hun_Latn"]),
    ("hy", &["hye_Armn"]),
    ("id", &["ind_Latn"]),
    ("is", &["isl_Latn"]),
    ("it", &["ita_Latn"]),
    ("ja", &["jpn_Jpan"]),
    ("ka", &["kat_Geor"]),
    ("kk", &["kaz_Cyrl"]),
    ("ko", &["kor_Hang"]),
    ("lt", &["lit_Latn"]),
    ("lv", &["lvs_Latn"]),
    ("mk", &["mkd_Cyrl"]),
    ("ms", &["zsm_Latn"]),
    ("mt", &["mlt_Latn"]),
    ("nb", &["no", "nob_Latn"]),
    ("nl", &["nld_Latn"]),
    ("nn", &["nno_Latn"]),
    ("no", &["nob_Latn"]),
    ("pl", &["pol_Latn"]),
    ("pt", &["por_Latn"]),
    ("ro", &["ron_Latn"]),
    ("ru", &["rus_Cyrl"]),
    ("sk", &["slk_Latn"]),
    ("sl", &["slv_Latn"]),
    ("sq", &["als_Latn"]),
    ("sr", &["srp_Cyrl"]),
    ("sv", &["swe_Latn"]),
    ("ta", &["tam_Taml"]),
    ("th", &["tha_Thai"]),
    ("tr", &["tur_Latn"]),
    ("uk", &["ukr_Cyrl"]),
    ("ur", &["urd_Arab"]),
    ("uz", &["uzn_Latn"]),
    ("vi", &["vie_Latn"]),
    ("zh", &["zho_Hans"]),
    ("zh-hans", &["zho_Hans"]),
    ("zh-hant", &["zho_Hant"]),
];

/// The code of a language among those that a checkpoint has: the tag itself, one of the table, or the one that begins with it
/// (`uk_UA`).
pub(super) fn code_of<'a>(language: Language, codes: &(impl Iterator<Item = &'a str> + Clone)) -> Option<&'a str> {
    let tag = language.as_str().to_string();
    let primary = tag.split('-').next().unwrap_or(&tag).to_string();
    let listed = |of: &str| CODES.iter().find(|(known, _)| *known == of).map_or(&[][..], |(_, codes)| codes);
    let wanted = listed(&tag).iter().chain(listed(&primary)).copied().chain([tag.as_str(), primary.as_str()]);
    let exact = wanted.into_iter().find_map(|wanted| codes.clone().find(|code| *code == wanted));
    exact.or_else(|| {
        let start = format!("{primary}_");
        codes.clone().find(|code| code.starts_with(&start))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(codes: &str, tag: &str, expected: Option<&str>) {
        assert_eq!(code_of(tag.parse().unwrap(), &codes.split_whitespace()), expected, "{tag}");
    }

    #[test]
    fn tags_are_found_in_each_spelling() {
        for (tag, m2m, mbart, nllb) in [
            ("en", "en", "en_XX", "eng_Latn"),
            ("uk", "uk", "uk_UA", "ukr_Cyrl"),
            ("ko", "ko", "ko_KR", "kor_Hang"),
            ("pt-br", "pt", "pt_XX", "por_Latn"),
            ("zh-hant", "zh", "zh_CN", "zho_Hant"),
        ] {
            check(M2M100, tag, Some(m2m));
            check(MBART50, tag, Some(mbart));
            check(NLLB, tag, Some(nllb));
        }
        check(M2M100, "nb", Some("no"));
        check(MBART50, "be", None);
        check(M2M100, "eo", None);
    }

    /// 128,112 vectors of M2M100 are 128,004 pieces, the languages and 8 that fill up; 250,054 of mBART-50 are 250,001
    /// pieces, the languages and a mask; 256,204 tokens of NLLB are 256,001, the languages and a mask.
    #[test]
    fn there_are_as_many_as_in_the_published_vocabularies() {
        assert_eq!(M2M100.split_whitespace().count(), 128_112 - 128_004 - 8);
        assert_eq!(MBART50.split_whitespace().count(), 250_054 - 250_001 - 1);
        assert_eq!(NLLB.split_whitespace().count(), 256_204 - 256_001 - 1);
    }
}

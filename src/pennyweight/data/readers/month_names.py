"""Names of months in many languages, disambiguated within a column."""

from collections.abc import Collection

__all__ = ["AmbiguousMonths", "month_numbers"]

# The months of the year in order; forms of one month are separated by strokes.
_LANGUAGES = {
    "English": "january february march april may june july august september|sept october november "
    "december",
    "German": "januar|jänner februar|feber märz|mrz april mai juni juli august september|sept "
    "oktober november dezember",
    "French": "janvier février|fevrier mars avril mai juin juillet août|aout septembre|sept "
    "octobre novembre décembre|decembre",
    "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre|setiembre|sept "
    "octubre noviembre diciembre",
    "Catalan": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
    "Portuguese": "janeiro fevereiro março|marco abril maio junho julho agosto setembro outubro "
    "novembro dezembro",
    "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre|sett ottobre "
    "novembre dicembre",
    "Romanian": "ianuarie februarie martie aprilie mai iunie iulie august septembrie octombrie "
    "noiembrie decembrie",
    "Dutch": "januari februari maart|mrt april mei juni juli augustus september oktober november "
    "december",
    "Swedish": "januari februari mars april maj juni juli augusti september oktober november "
    "december",
    "Danish": "januar februar marts april maj juni juli august september oktober november december",
    "Norwegian": "januar februar mars april mai juni juli august september oktober november "
    "desember",
    "Polish": "styczeń|stycznia luty|lutego marzec|marca kwiecień|kwietnia maj|maja "
    "czerwiec|czerwca lipiec|lipca sierpień|sierpnia wrzesień|września październik|października "
    "listopad|listopada grudzień|grudnia",
    "Czech": "leden|ledna únor|února březen|března duben|dubna květen|května červen|června|čvn "
    "červenec|července|čvc srpen|srpna září říjen|října listopad|listopadu prosinec|prosince",
    "Slovak": "január|januára február|februára marec|marca apríl|apríla máj|mája jún|júna júl|júla "
    "august|augusta september|septembra október|októbra november|novembra december|decembra",
    "Slovenian": "januar februar marec april maj junij julij avgust september oktober november "
    "december",
    "Croatian": "siječanj|siječnja veljača|veljače ožujak|ožujka travanj|travnja svibanj|svibnja "
    "lipanj|lipnja srpanj|srpnja kolovoz|kolovoza rujan|rujna listopad|listopada studeni|studenoga "
    "prosinac|prosinca",
    "Serbian": "januar februar mart april maj jun jul avgust septembar oktobar novembar decembar",
    "Hungarian": "január február március április május június július augusztus szeptember október "
    "november december",
    "Turkish": "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    "Finnish": "tammikuu helmikuu maaliskuu huhtikuu toukokuu kesäkuu heinäkuu elokuu syyskuu "
    "lokakuu marraskuu joulukuu",
    "Estonian": "jaanuar veebruar märts aprill mai juuni juuli august september oktoober november "
    "detsember",
    "Latvian": "janvāris februāris marts aprīlis maijs jūnijs jūlijs augusts septembris oktobris "
    "novembris decembris",
    "Lithuanian": "sausis|sausio vasaris|vasario kovas|kovo balandis|balandžio gegužė|gegužės "
    "birželis|birželio liepa|liepos rugpjūtis|rugpjūčio rugsėjis|rugsėjo spalis|spalio "
    "lapkritis|lapkričio gruodis|gruodžio",
    "Indonesian": "januari februari maret april mei juni juli agustus september oktober november "
    "desember",
    "Russian": "январь|января февраль|февраля март|марта апрель|апреля май|мая июнь|июня июль|июля "
    "август|августа сентябрь|сентября|сент октябрь|октября ноябрь|ноября декабрь|декабря",
    "Ukrainian": "січень|січня лютий|лютого березень|березня квітень|квітня травень|травня "
    "червень|червня липень|липня серпень|серпня вересень|вересня жовтень|жовтня "
    "листопад|листопада грудень|грудня",
    "Bulgarian": "януари февруари март април май юни юли август септември октомври ноември "
    "декември",
    "Greek": "ιανουάριος|ιανουαρίου φεβρουάριος|φεβρουαρίου μάρτιος|μαρτίου απρίλιος|απριλίου "
    "μάιος|μαΐου|μαίου ιούνιος|ιουνίου ιούλιος|ιουλίου αύγουστος|αυγούστου σεπτέμβριος|σεπτεμβρίου "
    "οκτώβριος|οκτωβρίου νοέμβριος|νοεμβρίου δεκέμβριος|δεκεμβρίου",
    "Hindi": "जनवरी फ़रवरी|फरवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर|सितम्बर अक्टूबर|अक्तूबर "
    "नवंबर|नवम्बर दिसंबर|दिसम्बर",
    "Arabic": "يناير فبراير مارس أبريل|ابريل مايو يونيو|يونيه يوليو|يوليه أغسطس|اغسطس سبتمبر "
    "أكتوبر|اكتوبر نوفمبر ديسمبر",
}
_FORMS = {
    language: [
        (form, number) for number, forms in enumerate(line.split(), 1) for form in forms.split("|")
    ]
    for language, line in _LANGUAGES.items()
}
# Finnish names are cut before "kuu": "marras" is November, "mar" is not.
_SHORTEST = {"Finnish": 4}
_LONG = 5  # shortest name with an ending: maaliskuuta


class AmbiguousMonths(ValueError):
    """Names of different months in different languages."""


def month_numbers(names: Collection[str]) -> dict[str, int]:
    """Return the month number of each name; other names are left out.

    The languages that know the most of the names decide.

    Parameters
    ----------
    names
        Lower case, without a point at the end, perhaps shortened.

    Raises
    ------
    AmbiguousMonths
        Where these languages differ, or those of a name that they do not know.
    """
    by_language = {
        language: {n: m for n in names if (m := _month(n, language))} for language in _FORMS
    }
    max_known = max((len(months) for months in by_language.values()), default=0)
    best = {language: f for language, f in by_language.items() if len(f) == max_known > 0}
    numbers = {}
    for name in names:
        meanings = {
            months[name]: language for language, months in reversed(best.items()) if name in months
        }
        meanings = meanings or {
            months[name]: language for language, months in by_language.items() if name in months
        }
        if len(meanings) > 1:
            (number, first), (other_number, second) = list(meanings.items())[:2]
            raise AmbiguousMonths(
                f"{name!r} is month {number} in {first} and {other_number} in {second}"
            )
        if meanings:
            numbers[name] = next(iter(meanings))
    return numbers


def _month(name: str, language: str) -> int | None:
    """Return the month with this name, a beginning of it, or an inflected form."""
    shortest = _SHORTEST.get(language, 3)
    exact = [m for form, m in _FORMS[language] if form == name]
    if exact:
        return exact[0]
    longer = [
        (len(form), m)
        for form, m in _FORMS[language]
        if len(form) >= _LONG and name.startswith(form)
    ]
    if longer:
        return max(longer)[1]
    matches = {m for form, m in _FORMS[language] if len(name) >= shortest and form.startswith(name)}
    return matches.pop() if len(matches) == 1 else None

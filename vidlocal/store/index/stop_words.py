"""Stop words: function words without relevance by themselves.

Articles, pronouns, prepositions, conjunctions, auxiliary verbs and particles only. The lists of common packages also
contain content words such as `home`, `work` or `new`, which people search for.
"""

from functools import cache

from vidlocal.folding import fold
from vidlocal.store.database import Library

# Languages of a library are read from its videos, and from this many of the newest passages.
_SAMPLED_PASSAGES = 500

_WORDS = {
    "en": """a about above after again against all am an and any are aren't as at be because been before being below
    between both but by can cannot could couldn't did didn't do does doesn't doing don't down during each few for from
    further had hadn't has hasn't have haven't having he her here hers herself him himself his how i if in into is
    isn't it it's its itself just let's me more most must my myself no nor not of off on once only or other ought our
    ours ourselves out over own same shall she should shouldn't so some such than that that's the their theirs them
    themselves then there these they this those through to too under until up us very was wasn't we were weren't what
    when where which while who whom whose why with won't would wouldn't you your yours yourself yourselves""",
    "de": """aber als also am an ander andere anderen auch auf aus bei bin bis bist da damit dann das dass dein deine
    dem den denn der des dessen deren die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem
    einen einer eines er es etwas euch euer für gegen hab habe haben hat hatte hatten hier hin hinter ich ihm ihn
    ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jedes jene kein keine keinem keinen man
    mein meine mich mir mit nach nicht noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit selbst sich
    sie sind so solche soll sondern sonst über um und uns unser unter vom von vor war waren warum was weil welche
    welcher wem wen wenn wer werde werden wie wieder wir wird wo wurde zu zum zur zwar zwischen""",
    "fr": """à ai aie alors as au aucun aussi autre aux avec avez avons c ça car ce cela ces cet cette ceux chaque
    comme d dans de des donc dont du elle elles en es est et étaient était eu eux fut ici il ils j je l la là le les
    leur leurs lui m ma mais me même mes mon n ne ni nos notre nous on ont ou où par pas pour qu que quel quelle
    quelles quels qui s sa sans se ses si son sont sous sur t ta te tes toi ton tous tout toute toutes très tu un une
    vers vos votre vous y""",
    "es": """a al algo algunas algunos ante antes aquel aquella así aun aunque cada como con contra cual cuando de del
    desde donde dos durante e el él ella ellas ellos en entre era eran es esa esas ese eso esos esta está están estas
    este esto estos fue fueron ha han hasta hay la las le les lo los más me mi mis mucho muy nada ni no nos nosotros o
    os otra otras otro otros para pero poco por porque que qué quien quién se sea ser si sí sin sobre son su sus
    también tan te tengo ti tiene tienen todo todos tu tus un una unas uno unos y ya yo""",
    "it": """a ad ai al alla alle allo anche ancora che chi ci come con contro cui da dagli dai dal dalla dalle dei
    degli del della delle dello di dove e è ed era erano essere fra gli ha hai hanno ho i il in io la le lei li lo
    loro lui ma me mi mia mio ne negli nei nel nella nelle no noi non nostra nostro o per perché più quale quando
    quanto quella quelle quelli quello questa queste questi questo se sei si sia siamo siete sono sta su sua sue sugli
    sui sul sulla suo suoi tra tu tua tuo tutta tutti tutto un una uno vi voi""",
    "pt": """a à ao aos aquela aquele aquilo as às até com como da das de dela dele deles do dos e é ela elas ele eles
    em entre era eram essa esse esta está estão estas este estes eu foi foram há isso isto já lhe lhes mais mas me
    mesmo meu meus minha muito na nas não nem no nos nós nossa nosso num numa o os ou para pela pelas pelo pelos por
    porque qual quando que quem se sem ser seu seus só sua suas também te tem têm teu tua um uma você vocês""",
    "nl": """aan al alles als altijd ben bij daar dan dat de der deze die dit doch door dus een eens en er ge geen
    haar had heb hebben heeft hem het hier hij hoe hun iemand iets ik in is ja je kan kon maar me meer men met mij
    mijn moet na naar niet niets nog nu of om omdat ons ook op over reeds te tegen toch toen tot u uit uw van veel
    voor want waren was wat we wel werd wezen wie wij wil worden zal ze zei zelf zich zij zijn zo zonder zou""",
    "sv": """alla allt att av blev bli blir då de dem den denna deras dess dessa det detta dig din dina ditt du där
    efter ej eller en er ett från för ha hade han hans har henne hennes hon honom hur här i icke ingen inom inte jag
    ju kan kunde man med mellan men mig min mina mitt mot mycket ni nu när någon något några och om oss på samma sedan
    sig sin sina sitta själv skulle som så till under upp ut utan vad var vara varför vem vi vid vilken vår våra är
    över""",
    "da": """ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din disse dog du
    efter eller en end er et for fra ham han hans har havde have hende hendes her hos hun hvad hvis hvor i ikke ind
    jeg jer jo kunne man mange med meget men mig min mine mit mod ned noget nogle nu når og også om op os over på selv
    sig sin sine skal skulle som sådan thi til ud under var vi vil ville vor være været""",
    "no": """alle at av bare begge ble blei bli blir både da de deg dei deim deira dem den denne der dere deres det
    dette di din disse ditt du då eg ein eit eller elles en enn er et ett etter for fordi fra før ha hadde han hans
    har hennar henne hennes her hjå ho hoe honom hun hva hver hvilke hvis hvor hvordan hvorfor i ikke inn ja jeg kan
    kom korleis kunne kva kvar kven man mange med meg meget mellom men mi min mine mitt mot mykje ned no noe noen nå
    når og også om opp oss over på samme seg selv si sia sin sine sitt skal skulle slik so som så til um upp ut uten
    var vart ved vere vi vil ville vor vore vær være vært vår å""",
    "pl": """a aby ale bardzo bez bo być był była było były byli co czy dla do gdy gdzie go i ich ile im innych ja jak
    jako je jego jej jest jestem jeszcze jeśli już kiedy kto która które którego której który których którym ku lub ma
    mam mi mnie może my na nad nam nas nasz nie nic nich nim niż no o od on ona one oni oraz po pod przed przez przy
    są się skąd swoje ta tak także tam te tego tej ten też to tu twój ty tylko tym u w was we więc wszystko wy z za ze
    że""",
    "ru": """а без бы был была были было быть в вам вас весь во вот все всё всего вы где да для до его ее её если есть
    еще ещё же за и из или им их к как когда кто ли мне меня мой мы на над нас не него нее нет ни них но ну о об один
    он она они оно от по под при про с со так там такой те тебя тем то того тоже той только том ты у уже хотя чего чей
    чем что чтобы эта эти это этот я""",
}


@cache
def of_languages(languages: frozenset[str]) -> frozenset[str]:
    """Return the folded stop words of some languages (ISO 639-1). Unknown languages have none."""
    return frozenset(fold(word) for language in languages for word in _WORDS.get(language, "").split())


def of_library(library: Library) -> frozenset[str]:
    """Return the stop words of English and of the languages of a library."""
    rows = library.rows(
        """SELECT language FROM videos WHERE language IS NOT NULL UNION SELECT language FROM (
          SELECT language FROM passages ORDER BY id DESC LIMIT ?) WHERE language IS NOT NULL""",
        _SAMPLED_PASSAGES,
    )
    return of_languages(frozenset({"en", *(row["language"][:2] for row in rows)}))

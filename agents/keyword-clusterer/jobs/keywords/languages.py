"""Words and endings of the languages that queries are read in. Letters are without accents, ß is ss."""
from __future__ import annotations

#: Words that say nothing about a query's topic.
STOP_WORDS = {
    'en': """
        a about after all also am an and any are as at be been but by can could did do does for from get
        had has have he her his how i if in into is it its just me more my no not of on or our out over
        s should so some t than that the their them then there these they this to under up us was we
        were what when where which while who why will with would you your
    """,
    'de': """
        aber alle als am an auch auf aus bei bin bis da dann das dass dem den der des die dir doch du
        ein eine einem einen einer eines er es fur habe haben hat ich ihr im in ist ja kann kein keine
        man mein meine mit nach nicht noch nur ob oder ohne sich sie sind so soll uber um und uns vom
        von vor wann warum was welche welcher welches wenn wer werden wie wir wird wo zu zum zur
    """,
    'fr': """
        a au aux avec c ce ces cette comment d dans de des du elle elles en entre est et etre eu faire
        faut il ils j je l la le les leur leurs ma mais mes mon n ne nos notre nous on ou par pas pour
        pourquoi qu quand que quel quelle quelles quels qui quoi s sa sans se ses son sont sous sur ta
        tes toi ton tous tout toute un une vos votre vous y
    """,
    'es': """
        a al algo como con cual cuando cuanto de del desde donde el ella ellos en entre era es esta
        estas este estos ha hace hacer hay la las le les lo los mas me mi mis muy no nos o para pero por
        porque que quien se sin sobre son su sus te tiene tu un una uno unos y ya yo
    """,
    'it': """
        a ad ai al alla alle anche che chi ci come con cosa cui da dal dalla dei del della delle di dove
        e ed gli ha hai ho i il in io l la le lo ma mi nei nel nella no non o per perche piu quale quali
        quando quanto se si sono su sul sulla ti tra tu un una uno
    """,
    'nl': """
        aan al als bij dan dat de deze die dit doen door een en er geen heb hebben heeft het hij hoe ik
        in is je kan kun maar me met mijn moet na naar niet nog of om onder ons ook op over te tot uit
        van veel voor waar waarom wanneer wat we welke wie wij worden wordt ze zich zijn zo zonder
    """,
    'pt': """
        a ao aos as como com da das de do dos e ela ele em entre era esta este eu fazer foi ha isso ja
        mais mas me meu minha muito na nas nao no nos o onde os ou para pela pelo por porque qual quando
        quanto que quem se sem ser seu sua tem um uma voce
    """,
}

#: Words that say what somebody wants to do about a topic rather than which: they count less than others.
LIGHT_WORDS = {
    'en': """
        best better buy cheap cheaper cheapest compare comparison cost costs deal deals discount easy
        examples fast free good guide ideas list meaning near nearby new offer offers online price
        prices pricing rated reddit review reviews sale shop simple store tips top vs
    """,
    'de': """
        angebot angebote anleitung bestellen beste besten bester erfahrung erfahrungen gebraucht gunstig
        gunstige gut gute ideen kaufen kosten kostenlos liste nahe neu neue online preis preise
        preiswert shop test tipps top vergleich vs
    """,
    'fr': """
        acheter astuces avis bon bonne cher comparatif cout gratuit gratuite guide idee idees ligne
        liste magasin meilleur meilleure meilleurs meilleures moins neuf nouveau nouvelle occasion prix
        promo soldes test top vs
    """,
    'es': """
        baratas barato baratos buen buena bueno cerca comparativa comprar consejos coste gratis guia
        ideas lista mejor mejores nueva nuevo oferta ofertas online opiniones precio precios tienda top
        venta vs
    """,
    'it': """
        acquistare buono comprare confronto consigli costo economica economico gratis guida idee lista
        migliore migliori negozio nuova nuovo offerta offerte online opinioni prezzi prezzo recensioni
        sconto top usato vendita vicino vs
    """,
    'nl': """
        aanbieding aanbiedingen beste bestellen buurt ervaringen gids goed goede goedkoop goedkope
        gratis ideeen kopen kosten lijst nieuw nieuwe online prijs prijzen review tips top vergelijken
        vs winkel
    """,
    'pt': """
        avaliacao barata barato boa bom comparar comprar desconto dicas gratis guia ideias lista loja
        melhor melhores nova novo oferta ofertas online perto preco precos top venda vs
    """,
}

_DOUBLES = tuple((letter * 2, letter) for letter in 'bdgmnprt')
#: Endings by step. In each step the first that fits is replaced, if three letters with a vowel stay.
ENDINGS = {
    'en': (
        (('ies', 'y'), ('sses', 'ss'), ('ches', 'ch'), ('shes', 'sh'), ('xes', 'x')),
        (('ss', 'ss'), ('us', 'us'), ('is', 'is'), ('s', '')),
        (('ing', ''), ('ed', '')),
        _DOUBLES,
        (('e', ''),),
    ),
    'de': (
        (('innen', ''),),
        (('ern', ''), ('em', ''), ('en', ''), ('er', ''), ('es', ''), ('e', ''), ('n', ''), ('s', '')),
    ),
    'fr': ((('eaux', 'eau'), ('aux', 'al'), ('s', ''), ('x', '')), _DOUBLES, (('e', ''),)),
    'es': ((('ces', 'z'), ('s', '')), (('a', ''), ('o', ''), ('e', ''))),
    'it': (
        (('chi', 'c'), ('che', 'c'), ('ghi', 'g'), ('ghe', 'g')),
        (('a', ''), ('e', ''), ('i', ''), ('o', '')),
    ),
    'nl': ((('en', ''), ('e', '')), (('s', ''),), _DOUBLES),
    'pt': ((('oes', 'ao'), ('ais', 'al'), ('s', '')), (('a', ''), ('o', ''), ('e', ''))),
}

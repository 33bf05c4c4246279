"""Stop words: those that carry no content of their own, by language."""

from typing import Final

ENGLISH: Final = frozenset(
    str.split(
        """
        a about above after again against all also although am an and any are aren't as at be because been
        before being below between both but by can can't cannot could couldn't d did didn't do does doesn't
        doing don't down during each either else ever every few for from further had hadn't has hasn't have
        haven't having he he'd he's her here here's hers herself him himself his how how's however i i'd
        i'll i'm i've if in into is isn't it it's its itself just let's ll m may me might more most much
        must my myself neither nor not o of off on once only or other ought our ours ourselves out over
        per please rather re s same shall shan't she she'd she's should shouldn't since so some such t tell
        than that that's the their theirs them themselves then there there's therefore these they they'd
        they'll they're they've this those though through thus to too under until unto up upon us ve very
        via was wasn't we we'd we'll we're we've were weren't what what's when when's where where's whether
        which while who who's whom whose why why's will with within without won't would wouldn't yes yet you
        you'd you'll you're you've your yours yourself yourselves
        """
    )
)

GERMAN: Final = frozenset(
    str.split(
        """
        aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes auch
        auf aus bei beim bin bis bist bitte da damit dann das dass dasselbe dazu dein deine deinem deinen
        deiner dem den denn der deren derer des dessen dich die dies diese diesem diesen dieser dieses dir
        doch dort du durch ein eine einem einen einer eines einige einigem einigen einiger einiges er es
        etwas euch euer eure für gegen hab habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr
        ihre ihrem ihren ihrer ihres im in indem ins ist ja je jede jedem jeden jeder jedes jene jenem jenen
        jener jenes kann kein keine keinem keinen keiner können könnte mal man manche mein meine meinem
        meinen meiner mich mir mit muss müssen nach nicht nichts noch nun nur ob oder ohne sehr sein seine
        seinem seinen seiner seit selbst sich sie sind so solche soll sollen sollte sondern sonst um und uns
        unser unsere unter viel vom von vor wann war waren warum was weil welche welchem welchen welcher
        welches wem wen wenn wer werde werden weshalb wessen wie wieder will wir wird wirst wo wollen worden
        wurde wurden während würde würden zu zum zur zwar zwischen über
        """
    )
)

"""Who may enter which application, by what proof, from where, and how often (step 6). Pure.

In: what is known of a person and a browser (`Circumstances`), and the rules. Out: `Allow`, `Deny`,
`StepUp` or `SignInAgain`; and the same in words, with the layer of the configuration that said it.

A policy has layers: default, global, application, group on application. Each says only what it
changes; the last that says something decides that point. What a person proved so far, and what they
could prove, is the business of the login: `decide` does not know who has enrolled what, and `meet`
is asked when that is known.

Reading order: `points` (everything that can be decided), `layers` (who decided it), `browser`
(which one it is), `circumstances`, `decision`, `entry` (account and groups), `finding` (what one
point says), `places` and `proving` (most of the points), `judging` (all of them in order),
`decide`, `meet`, `rulings` (the same in words), `effect` (what a change of the rules would do).

Invariant: a rule that refuses never lets anybody in who was kept out, and whoever is disabled at
the help desk stays out, whatever a policy says.
"""

from connector.idp.policy.circumstances import Circumstances, FirstFactor
from connector.idp.policy.decide import decide
from connector.idp.policy.decision import Allow, Ask, Deny, Enrol, SignInAgain, StepUp
from connector.idp.policy.entry import may_enter
from connector.idp.policy.layers import ApplicationPolicy, Effective, Policies, Policy, effective
from connector.idp.policy.meet import meet
from connector.idp.policy.points import Points
from connector.idp.policy.rulings import Ruling, rulings

__all__ = [
    "Allow",
    "ApplicationPolicy",
    "Ask",
    "Circumstances",
    "Deny",
    "Effective",
    "Enrol",
    "FirstFactor",
    "Points",
    "Policies",
    "Policy",
    "Ruling",
    "SignInAgain",
    "StepUp",
    "decide",
    "effective",
    "may_enter",
    "meet",
    "rulings",
]

"""The only place that knows concrete classes: settings in, wired parts out.

`opening` opens the state, `cycles` puts together what a cycle works with, `logins` what signs
people in, `federation` what other identity providers have to do with it, `online` asks the other
sides how they are.
"""

"""From samples to a sensor type: what the bytes look like, each guess with its confidence and its reason.

`lines` reads files of messages, `samples` decodes and takes values apart, `formats` tells the payload format, `topics` the topic's template, `times` the
time, `quantities` what a value is and in which unit (its knowledge is `quantities.toml`), `numbers` ranges, sentinels
and the interval; `propose` puts them together and `write` makes the file. A proposal is a draft: the engineer has the last
word, and what the guesses rest on stands beside them. Not here: brokers, tables, what is in force.
"""

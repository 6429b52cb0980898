#!/bin/bash
# A fake of a program: linked under its name, it adds its name and arguments to the file `log` beside the link, as one
# line, and then does what NAME.text there says. A link and not a written script: a program that another thread's child
# still has open for writing cannot be started ("Text file busy").
directory=${0%/*} name=${0##*/}
IFS='|'
printf '%s\n' "$name|$*" >> "$directory/log"
unset IFS
. "$directory/$name.text"

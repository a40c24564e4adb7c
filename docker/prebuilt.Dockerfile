# The same image from a binary that is there already, alone in the build's context.
FROM scratch
COPY beaminit /beaminit
ENTRYPOINT ["/beaminit"]

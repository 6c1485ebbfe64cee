#!/bin/sh
# Writes review.md as a note of a merge request, over the one that an earlier run has written.
# Needs curl, jq, and REVIEW_TOKEN: a project access token with the scope api, masked, not protected.
set -eu

notes=$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes
api() {
	curl --fail --silent --show-error --header "PRIVATE-TOKEN: $REVIEW_TOKEN" "$@"
}

marker=$(head -n 1 review.md)
me=$(api "$CI_API_V4_URL/user" | jq .id)
# Only what this token has written: anybody may begin a note with the marker. The newest hundred notes are looked at.
id=$(api "$notes?per_page=100" |
	jq --arg marker "$marker" --argjson me "$me" \
		'[.[] | select(.author.id == $me) | select(.body | startswith($marker)) | .id] | first // empty')
jq --null-input --rawfile body review.md '{body: $body}' >note.json
if [ -n "$id" ]; then
	api --request PUT --header "Content-Type: application/json" --data @note.json "$notes/$id" >/dev/null
else
	api --request POST --header "Content-Type: application/json" --data @note.json "$notes" >/dev/null
fi

#!/bin/sh
# Writes review.md as a comment of a pull request, over the one that an earlier run has written.
# Needs curl, jq, GH_TOKEN (pull-requests: write) and PULL_REQUEST; GITHUB_API_URL and GITHUB_REPOSITORY are there.
set -eu

repository=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY
api() {
	curl --fail --silent --show-error --header "Authorization: Bearer $GH_TOKEN" \
		--header "Accept: application/vnd.github+json" "$@"
}

marker=$(head -n 1 review.md)
id=
page=1
while [ -z "$id" ]; do
	comments=$(api "$repository/issues/$PULL_REQUEST/comments?per_page=100&page=$page")
	# Only what this workflow itself has written: anybody may begin a comment with the marker.
	id=$(printf '%s' "$comments" | jq --arg marker "$marker" \
		'[.[] | select(.user.login == "github-actions[bot]") | select(.body | startswith($marker)) | .id] | first // empty')
	[ "$(printf '%s' "$comments" | jq length)" -eq 100 ] || break
	page=$((page + 1))
done
jq --null-input --rawfile body review.md '{body: $body}' >comment.json
if [ -n "$id" ]; then
	api --request PATCH --data @comment.json "$repository/issues/comments/$id" >/dev/null
else
	api --request POST --data @comment.json "$repository/issues/$PULL_REQUEST/comments" >/dev/null
fi
